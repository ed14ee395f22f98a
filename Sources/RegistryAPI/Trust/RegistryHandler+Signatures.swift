import ContainerImage
import FoundationEssentials
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension RegistryHandler {
  /// - Returns: nil if the request is for something else.
  func signatures(_ request: HTTPRequest, _ caller: Caller) -> HTTPAnswer? {
    do throws(WireError) {
      guard let route = try SignatureRoute(path: request.path) else { return nil }
      if let gate {
        switch route {
        case .list(let repository, _) where request.method == .PUT:
          try gate.check(caller, may: .push, or: .sign, in: repository, request)
        case .list(let repository, _), .lookaside(let repository, _, _):
          try gate.check(caller, may: .pull, in: repository, request)
        }
      }
      switch (route, request.method) {
      case (.list(let repository, let digest), .GET), (.list(let repository, let digest), .HEAD):
        return deferred(request) { [self] in try await listSignatures(of: digest, in: repository) }
      case (.list(let repository, let digest), .PUT):
        return deferred(request) { [self] in try await putSignature(request, of: digest, in: repository) }
      case (.lookaside(let repository, let digest, let index), .GET),
        (.lookaside(let repository, let digest, let index), .HEAD):
        return deferred(request) { [registry] in
          let signatures = try await registry.signatures(of: digest, in: repository)
          guard index <= signatures.count else {
            throw WireError(.notFound, .manifestUnknown, "the manifest has \(signatures.count) signatures")
          }
          return HTTPResponse(
            status: .ok, headers: ["Content-Type": "application/octet-stream"],
            body: .bytes(ByteBuffer(bytes: signatures[index - 1].content)))
        }
      case (.list, _), (.lookaside, _):
        var allowed = "GET, HEAD"
        if case .list = route { allowed += ", PUT" }
        throw WireError.notAllowed(request.method, but: allowed)
      }
    } catch {
      return .response(error.response)
    }
  }

  private func listSignatures(
    of digest: Digest, in repository: RepositoryName
  ) async throws -> HTTPResponse {
    let signatures = try await registry.signatures(of: digest, in: repository)
    var json = JSONText()
    json.object { json in
      json.key("signatures")
      json.array(signatures) { json, signature in
        json.object { json in
          json.member("schemaVersion", SignatureDocument.version)
          json.member("name", "\(digest)@\(signature.name)")
          json.member("type", SignatureDocument.type)
          json.member("content", Data(signature.content).base64EncodedString())
        }
      }
    }
    return HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/json"], body: .bytes(json.buffer))
  }

  private func putSignature(
    _ request: HTTPRequest, of digest: Digest, in repository: RepositoryName
  ) async throws -> HTTPResponse {
    let body = try await request.body.collect(upTo: SignatureDocument.largest)
    let signature: MetadataStore.Signature
    do {
      signature = try SignatureDocument.parse(Array(body.readableBytesView), of: digest)
    } catch {
      throw WireError(.badRequest, .manifestInvalid, "\(error)")
    }
    _ = try await registry.putSignature(signature, of: digest, in: repository)
    return HTTPResponse(status: .created)
  }
}

/// A signature as the API's extension has it: `{"schemaVersion": 2, "name": "DIGEST@NAME", "type": "atomic", "content": BASE64}`.
private enum SignatureDocument {
  static let version: Int64 = 2
  static let type = "atomic"
  static let largest = 2 * Registry.largestSignature
  private static let longestName = 256

  static func parse(
    _ bytes: [UInt8], of digest: Digest
  ) throws(InvalidValue) -> MetadataStore.Signature {
    let document = try OrderedJSON(strictlyParsing: bytes, what: "the signature")
    guard document["schemaVersion"] == .literal("\(version)") else {
      throw .malformed("the signature's schemaVersion is not \(version)")
    }
    guard document["type"]?.string ?? type == type else {
      throw .malformed("the signature's type is not \(type.quotedForMessage)")
    }
    let prefix = "\(digest)@"
    guard let name = document["name"]?.string, name.hasPrefix(prefix),
      (1...longestName).contains(name.utf8.count - prefix.utf8.count)
    else {
      throw .malformed("the signature's name is not \((prefix + "NAME").quotedForMessage)")
    }
    guard let text = document["content"]?.string, let content = Data(base64Encoded: text), !content.isEmpty,
      content.count <= Registry.largestSignature
    else {
      throw .malformed(
        "the signature's content is not Base64 of at most \(Registry.largestSignature) bytes")
    }
    return MetadataStore.Signature(name: String(name.dropFirst(prefix.count)), content: Array(content))
  }
}
