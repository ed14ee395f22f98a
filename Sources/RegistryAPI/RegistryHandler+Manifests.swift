import ContainerImage
import HTTPServer
import NIOCore
import NIOHTTP1
import Registry
import Storage

extension RegistryHandler {
  /// end-3
  func getManifest(
    _ request: HTTPRequest, _ reference: ManifestReference, _ repository: RepositoryName, _ caller: Caller
  ) -> HTTPAnswer {
    immediate(request) { try getManifest(request, reference, repository, caller) { _ in } }
  }

  /// As the other one.
  /// - Parameter found: told of the manifest that is there.
  /// - Throws: `RegistryError`, `StorageError`
  func getManifest(
    _ request: HTTPRequest, _ reference: ManifestReference, _ repository: RepositoryName, _ caller: Caller,
    _ found: (Digest) -> Void
  ) throws -> HTTPAnswer {
    let (record, known) = try registry.pull(reference, in: repository) {
      seesHeld(caller, in: repository, request)
    }
    found(record.digest)
    if let known {
      try check(known, reference, repository, request)
      return .response(try manifestResponse(record, reference, repository, request))
    }
    return deferred(request) { [self] in
      let outcome = try await registry.outcome(
        of: record.digest, as: reference, in: repository,
        mayPush: seesHeld(caller, in: repository, request))
      try check(outcome, reference, repository, request)
      return try await registry.store.blocking { [self] in
        try manifestResponse(record, reference, repository, request)
      }
    }
  }

  /// The manifest that a client gets, whom nothing is kept from.
  private func manifestResponse(
    _ record: ManifestRecord, _ reference: ManifestReference, _ repository: RepositoryName,
    _ request: HTTPRequest
  ) throws -> HTTPResponse {
    guard case .tag = reference, record.mediaType.isIndex else { return Self.response(record, to: request) }
    let acceptance = Acceptance(request.headers)
    guard !acceptance.acceptsIndexes,
      let simpler = try registry.defaultPlatformManifest(
        of: record, in: repository, accepts: acceptance.accepts)
    else { return Self.response(record, to: request) }
    return Self.response(simpler, to: request)
  }

  /// - Throws: `RegistryError` for an image that the client does not get.
  private func check(
    _ outcome: TrustEnforcement.Outcome, _ reference: ManifestReference, _ repository: RepositoryName,
    _ request: HTTPRequest
  ) throws(RegistryError) {
    switch outcome {
    case .given: return
    case .givenUntrusted(let reason):
      logger.warning(
        "gave an image that is not trusted",
        metadata: [
          "request": "\(request.id)", "repository": "\(repository)", "reference": "\(reference)",
          "reason": "\(reason)",
        ])
    case .held: throw .manifestUnknown(reference, repository)
    case .refused(let reason): throw .denied(reason)
    }
  }

  private static func response(_ record: ManifestRecord, to request: HTTPRequest) -> HTTPResponse {
    let tag = record.digest.entityTag
    var headers = HTTPHeaders()
    headers.reserveCapacity(8)
    headers.add(name: "Docker-Content-Digest", value: record.digest.description)
    headers.add(name: "ETag", value: tag)
    headers.add(name: "Docker-Distribution-API-Version", value: "registry/2.0")
    if ConditionalRequest.isNotModified(request.headers, entityTag: tag) {
      return HTTPResponse(status: .notModified, headers: headers)
    }
    headers.add(name: "Content-Type", value: record.mediaType.description)
    return HTTPResponse(status: .ok, headers: headers, body: .bytes(record.content))
  }

  /// At most so many `tag` parameters in one push; the specification asks for ten.
  private static let mostTags = 100

  /// end-7
  func putManifest(
    _ request: HTTPRequest, _ reference: ManifestReference, _ repository: RepositoryName, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let names = try request.parameters().all("tag")
    guard names.count <= Self.mostTags else {
      throw WireError(
        .uriTooLong, .unsupported, "\(names.count) tags are too many: at most \(Self.mostTags) in one request"
      )
    }
    var tags: [Tag] = []
    for name in names {
      do {
        tags.append(try Tag(parsing: name))
      } catch {
        throw WireError(.badRequest, .manifestInvalid, "the parameter tag: \(error)")
      }
    }
    let contentType = request.headers.first(name: "content-type").map(MediaType.init(header:))
    return deferred(request) { [registry, tags] in
      let limit = registry.configuration.maximumManifestSize
      let content: ByteBuffer
      do {
        content = try await request.body.collect(upTo: limit)
      } catch RequestBodyError.tooLarge {
        throw RegistryError.manifestTooLarge(limit: limit)
      } catch let error as RequestBodyError {
        throw WireError(
          error == .timedOut ? .requestTimeout : .badRequest, .manifestInvalid,
          "the manifest broke off before its announced end")
      }
      let pushed = try await registry.pushManifest(
        content, contentType: contentType, as: reference, tags: tags, in: repository,
        isForSignature: !caller.may(.push, in: repository))
      return Self.created(pushed, as: reference, tags: tags, in: repository)
    }
  }

  private static func created(
    _ pushed: Registry.PushedManifest, as reference: ManifestReference, tags: [Tag],
    in repository: RepositoryName
  ) -> HTTPResponse {
    var headers: HTTPHeaders = [
      "Location": "/v2/\(repository)/manifests/\(reference)",
      "Docker-Content-Digest": pushed.digest.description,
      "Docker-Distribution-API-Version": "registry/2.0",
    ]
    if let subject = pushed.subject { headers.add(name: "OCI-Subject", value: subject.description) }
    for tag in tags { headers.add(name: "OCI-Tag", value: tag.description) }
    return HTTPResponse(status: .created, headers: headers)
  }

  /// end-9
  func deleteManifest(
    _ request: HTTPRequest, _ reference: ManifestReference, _ repository: RepositoryName
  ) -> HTTPAnswer {
    deferred(request) { [registry] in
      try await registry.deleteManifest(reference, in: repository)
      return HTTPResponse(status: .accepted)
    }
  }
}
