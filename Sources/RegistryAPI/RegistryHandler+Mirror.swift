import ContainerImage
import HTTPServer
import Mirroring
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Storage

/// An upstream's repository, and what fills it.
struct MirroredPlace {
  let repository: MirroredRepository
  let mirror: UpstreamMirror
  /// Whether the request names the upstream.
  let isNamed: Bool
}

extension RegistryHandler {
  /// What the names of a request mean.
  /// - Returns: with the names that things have here; nil for what is the registry's own. What is refused is so after access was
  ///   checked, so that nobody learns more than who may know of the repository.
  func place(
    _ route: Route, _ request: HTTPRequest
  ) throws(WireError) -> (route: Route, place: MirroredPlace?, refusal: WireError?) {
    guard let mirror, let name = route.repository else { return (route, nil, nil) }
    let namespace = request.query.isEmpty ? nil : try request.parameters()["ns"]
    let found: MirroredRepository?
    do {
      found = try mirror.place(of: name, namespace: namespace)
    } catch {
      return (route, nil, WireError(error))
    }
    guard let found else { return (route, nil, nil) }
    let renamed = route.renamed(found.name)
    guard found.isGivenOut else {
      let reason = "this registry does not mirror \(found.remote) of \(found.upstream.namespace)"
      return (renamed, nil, WireError(.forbidden, .denied, reason))
    }
    let isReading = request.method == .GET || request.method == .HEAD
    switch route {
    case .uploads, .upload: break
    default:
      if isReading || request.method == .DELETE {
        return (renamed, MirroredPlace(repository: found, mirror: mirror, isNamed: namespace != nil), nil)
      }
    }
    return (renamed, nil, WireError(RegistryError.filledFromElsewhere(found.name)))
  }

  /// A manifest of an upstream: as one that was pushed here, once it is here.
  func getManifest(
    _ request: HTTPRequest, _ reference: ManifestReference, from place: MirroredRepository,
    _ mirror: UpstreamMirror, _ caller: Caller
  ) -> HTTPAnswer {
    var fresh: FreshTag?
    if case .tag(let tag) = reference { fresh = mirror.fresh(tag, in: place) }
    if fresh != nil || reference.tag == nil {
      do {
        return try getManifest(request, reference, place.name, caller) { digest in
          mirror.pulled(digest, in: place, by: fresh, wasHere: true)
        }
      } catch RegistryError.manifestUnknown, RegistryError.repositoryUnknown {
        // It is to come.
      } catch {
        return immediate(request) { throw error }
      }
    }
    return deferred(request) { [self] in
      let freshness = try await mirror.fetch(reference, in: place)
      // Look-ups belong on the event loop.
      let answer = try await request.eventLoop.submit {
        try self.getManifest(request, reference, place.name, caller) { digest in
          mirror.pulled(digest, in: place, wasHere: false)
        }
      }.get()
      var response = await answer.whole()
      if case .stale(let time) = freshness, response.status.code < 400 {
        response.headers.addWarning(
          "\(place.upstream.namespace) cannot be asked: this is what the tag meant at \(Timestamp.text(time))"
        )
      }
      return response
    }
  }

  /// A blob of an upstream: as it comes, if it is not here yet.
  func getBlob(
    _ request: HTTPRequest, _ digest: Digest, from place: MirroredRepository, _ mirror: UpstreamMirror
  ) -> HTTPAnswer {
    orHere(request, digest, place, getBlob) { [self] in
      guard let transfer = try await orUnknown(digest, place, { try await mirror.blob(digest, in: place) })
      else {
        return try await stored(request, digest, place)
      }
      let size = try await orUnknown(digest, place) { try await transfer.begun() }
      // A part of it is a part of the whole. Where nobody says how long it is, or that it is empty, its end would prove nothing.
      if request.headers.contains(name: "range") || (size ?? 0) == 0 {
        try await transfer.ended()
        return try await stored(request, digest, place)
      }
      return HTTPResponse(
        status: .ok, headers: Self.headers(of: digest, [("ETag", digest.entityTag)]),
        body: .stream(length: size) { writer in
          var file: FileBody?
          try await transfer.read { descriptor, part in
            // One of its own: what the kernel is to send may outlive the transfer.
            let whole = try file ?? FileBody(duplicating: descriptor)
            file = whole
            try await writer.write(whole.part(part))
          }
        })
    }
  }

  /// A blob that is here is one as any other.
  private func orHere(
    _ request: HTTPRequest, _ digest: Digest, _ place: MirroredRepository,
    _ here: (HTTPRequest, Digest, RepositoryName) -> HTTPAnswer,
    _ body: @escaping @Sendable () async throws -> HTTPResponse
  ) -> HTTPAnswer {
    immediate(request) {
      try registry.store.metadata.blob(digest, in: place.name) == nil
        ? deferred(request, body) : here(request, digest, place.name)
    }
  }

  /// What is not there is a blob.
  private func orUnknown<Value>(
    _ digest: Digest, _ place: MirroredRepository, _ body: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch let failure as UpstreamFailure where failure.kind == .notFound {
      throw RegistryError.blobUnknown(digest, place.name)
    }
  }

  /// A blob that is here by now.
  private func stored(
    _ request: HTTPRequest, _ digest: Digest, _ place: MirroredRepository
  ) async throws -> HTTPResponse {
    let answer = try await request.eventLoop.submit { self.getBlob(request, digest, place.name) }.get()
    return await answer.whole()
  }

  func headBlob(
    _ request: HTTPRequest, _ digest: Digest, from place: MirroredRepository, _ mirror: UpstreamMirror
  ) -> HTTPAnswer {
    orHere(request, digest, place, headBlob) { [self] in
      guard let size = try await orUnknown(digest, place, { try await mirror.size(of: digest, in: place) })
      else {
        throw UpstreamFailure(.unavailable, "the upstream does not say how large the blob is")
      }
      return Self.head(digest, size: size, for: request)
    }
  }
}

extension HTTPAnswer {
  /// With the header by which a mirror says whose images it gives (containerd's `hosts.md`).
  func adding(namespace: String) -> HTTPAnswer {
    switch self {
    case .response(var response):
      response.headers.add(name: "OCI-Namespace", value: namespace)
      return .response(response)
    case .deferred(let body):
      return .deferred {
        var response = await body()
        response.headers.add(name: "OCI-Namespace", value: namespace)
        return response
      }
    }
  }

  func whole() async -> HTTPResponse {
    switch self {
    case .response(let response): response
    case .deferred(let body): await body()
    }
  }
}

extension UpstreamFailure {
  /// Whether it says nothing of what was asked for.
  var isTemporary: Bool {
    switch kind {
    case .limited, .unavailable, .wrong: true
    case .notFound, .denied: false
    }
  }
}

extension WireError {
  init(_ refusal: MirrorRefusal) {
    switch refusal {
    case .unknownNamespace(let name):
      self.init(.notFound, .nameUnknown, "this registry mirrors no registry \(name.quotedForMessage)")
    case .tooLong(let repository):
      self.init(.badRequest, .nameInvalid, "the name of \(repository) is too long to be mirrored")
    }
  }

  init(_ failure: UpstreamFailure) {
    switch failure.kind {
    case .notFound: self.init(.notFound, .manifestUnknown, "the upstream does not have it")
    // Registries say so of what they do not have.
    case .denied:
      self.init(
        .notFound, .nameUnknown, "the upstream does not have it, or does not let this registry have it")
    case .limited(let seconds):
      self = .tooMany("the upstream asks for patience", retryAfter: seconds ?? 60)
    case .unavailable:
      self.init(
        .serviceUnavailable, .unknown, "the upstream cannot be asked now, and it is not here: try again",
        headers: ["Retry-After": "10"])
    case .wrong:
      self.init(.badGateway, .unknown, "the upstream gave something else than what it was asked for")
    }
  }
}
