import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension RegistryHandler {
  /// end-4, end-11: starts a session, or stores the body at once, or mounts a blob.
  func startUpload(
    _ request: HTTPRequest, _ repository: RepositoryName, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let query = try request.parameters()
    let isForSignature = !caller.may(.push, in: repository)
    // A signer has nothing to mount, and may upload it instead, as when there is nothing to be mounted.
    if let text = query["mount"], !isForSignature {
      return try mount(request, try Route.digest(text[...]), from: query["from"], to: repository, caller)
    }
    if let text = query["digest"] {
      let digest = try Route.digest(text[...])
      return deferred(request) { [registry] in
        let size = try await registry.uploadAtOnce(
          to: repository, as: digest, content: request.body.content, isForSignature: isForSignature)
        return Self.created(digest, size: size, in: repository)
      }
    }
    let algorithm = try query["digest-algorithm"].map(Self.algorithm) ?? .sha256
    return deferred(request) { [registry] in
      Self.accepted(
        try await registry.startUpload(in: repository, algorithm: algorithm, isForSignature: isForSignature))
    }
  }

  private func mount(
    _ request: HTTPRequest, _ digest: Digest, from source: String?, to repository: RepositoryName,
    _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let name: RepositoryName?
    do {
      name = try source.map { source throws(InvalidValue) in try RepositoryName(parsing: source) }
    } catch {
      throw WireError(.badRequest, .nameInvalid, "the parameter from: \(error)")
    }
    return deferred(request) { [registry] in
      if try await registry.mount(digest, from: name, to: repository, mayPull: { caller.may(.pull, in: $0) })
      {
        return Self.created(digest, size: nil, in: repository)
      }
      return Self.accepted(try await registry.startUpload(in: repository, algorithm: digest.algorithm))
    }
  }

  /// end-13
  func uploadStatus(_ request: HTTPRequest, _ id: String, _ repository: RepositoryName) -> HTTPAnswer {
    deferred(request) { [registry] in
      let status = try await registry.uploadStatus(id, in: repository)
      return HTTPResponse(status: .noContent, headers: status.headers)
    }
  }

  /// end-5
  func patchUpload(
    _ request: HTTPRequest, _ id: String, _ repository: RepositoryName, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let range = try request.contentRange()
    return deferred(request) { [registry] in
      Self.accepted(
        try await registry.appendChunk(
          to: id, in: repository, range: range, content: request.body.content,
          isForSignature: !caller.may(.push, in: repository)))
    }
  }

  /// end-6
  func finishUpload(
    _ request: HTTPRequest, _ id: String, _ repository: RepositoryName, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    guard let text = try request.parameters()["digest"] else {
      throw WireError(
        .badRequest, .digestInvalid, "the parameter digest is missing: PUT <location>?digest=<digest>")
    }
    let digest = try Route.digest(text[...])
    let range = try request.contentRange()
    return deferred(request) { [registry] in
      let size = try await registry.finishUpload(
        id, in: repository, as: digest, range: range, content: request.body.content,
        isForSignature: !caller.may(.push, in: repository))
      return Self.created(digest, size: size, in: repository)
    }
  }

  /// end-14
  func cancelUpload(_ request: HTTPRequest, _ id: String, _ repository: RepositoryName) -> HTTPAnswer {
    deferred(request) { [registry] in
      try await registry.cancelUpload(id, in: repository)
      return HTTPResponse(status: .noContent)
    }
  }

  private static func accepted(_ upload: UploadStatus) -> HTTPResponse {
    HTTPResponse(status: .accepted, headers: upload.headers)
  }

  private static func created(_ digest: Digest, size: Int64?, in repository: RepositoryName) -> HTTPResponse {
    HTTPResponse(
      status: .created,
      headers: [
        "Location": "/v2/\(repository)/blobs/\(digest)", "Docker-Content-Digest": digest.description,
      ])
  }

  private static func algorithm(_ text: String) throws(WireError) -> DigestAlgorithm {
    do {
      return try DigestAlgorithm(parsing: text)
    } catch {
      throw WireError(.badRequest, .digestInvalid, "\(error)")
    }
  }
}

extension RequestBody {
  /// The body as the registry takes it.
  var content: UploadContent {
    UploadContent(
      length: contentLength, next: { [self] in try await next() }, nextIfHere: { [self] in nextIfHere() })
  }
}

extension HTTPRequest {
  /// - Throws: `WireError` if the query is not validly encoded.
  func parameters() throws(WireError) -> QueryItems {
    guard let items = QueryItems(query) else {
      throw WireError(.badRequest, .unsupported, "the query \(query.quotedForMessage) is not validly encoded")
    }
    return items
  }

  /// The chunk's place in the whole: `Content-Range: <first>-<last>`, both inclusive (distribution-spec,
  /// section "Pushing a blob in chunks"). The form of RFC 9110, `bytes first-last/total`, is taken too.
  /// - Throws: `WireError` if it is malformed, or is not as long as the body.
  func contentRange() throws(WireError) -> ClosedRange<Int64>? {
    guard let value = headers.first(name: "content-range") else { return nil }
    var text = value[...]
    if text.hasPrefix("bytes ") { text = text.dropFirst(6) }
    if let slash = text.firstIndex(of: "/") { text = text[..<slash] }
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, let first = Self.position(bounds[0]), let last = Self.position(bounds[1]),
      first <= last, last < Int64.max
    else {
      throw WireError(
        .badRequest, .blobUploadInvalid,
        "the Content-Range \(value.quotedForMessage) is malformed: expected <first>-<last>, both inclusive")
    }
    let range = first...last
    if let length = body.contentLength, length != Int64(range.count) {
      throw WireError(
        .badRequest, .sizeInvalid,
        "the Content-Range \(value.quotedForMessage) has \(range.count) bytes, but the Content-Length is \(length)"
      )
    }
    return range
  }

  private static func position(_ text: Substring) -> Int64? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int64(text) : nil
  }
}
