import Access
import ContainerImage
import HTTPServer
import Logging
import Mirroring
import NIOCore
import NIOHTTP1
import Registry
import Storage

/// Answers every request: the distribution API under `/v2/`, appc's discovery and images, and what operators ask for.
///
/// What only looks up is answered on the event loop at once; what writes, or may read for long, in a task.
public final class RegistryHandler: HTTPHandler {
  let registry: Registry
  let metrics: Metrics
  let logger: Logger
  /// From where clients come who may push, as far as the trust policy asks for that.
  let pushers: AddressList
  /// Nil if no tag lists are signed here.
  let tagLists: TagListSigning?
  /// Nil if there are no upstreams.
  let mirror: UpstreamMirror?
  /// Nil if nobody is asked who he is.
  let gate: Gatekeeper?
  private let appContainer: AppContainerHandler
  private let accessLog: AccessLog?
  private let auditLog: AuditLog?
  /// Nil for no limit.
  let limiter: RateLimiter?
  /// Nil for no limit.
  private let concurrency: ConcurrencyLimit?

  public init(
    registry: Registry, appContainer: AppContainerService, pushers: AddressList = AddressList(),
    tagLists: TagListSigning? = nil, mirror: UpstreamMirror? = nil, access: AccessControl? = nil,
    tokenRealm: String? = nil,
    metrics: Metrics, accessLog: AccessLog?, auditLog: AuditLog? = nil, limiter: RateLimiter? = nil,
    concurrency: ConcurrencyLimit? = nil,
    logger: Logger
  ) {
    self.registry = registry
    let gate = access.map { Gatekeeper(access: $0, realm: tokenRealm) }
    self.gate = gate
    self.appContainer = AppContainerHandler(
      service: appContainer, pushers: pushers, gate: gate, logger: logger)
    self.pushers = pushers
    self.tagLists = tagLists
    self.mirror = mirror
    self.metrics = metrics
    self.accessLog = accessLog
    self.auditLog = auditLog
    self.limiter = limiter
    self.concurrency = concurrency
    self.logger = logger
  }

  public func answer(_ request: HTTPRequest) -> HTTPAnswer {
    if let gate { return admit(request, gate) }
    return answer(request, .unrestricted)
  }

  func answer(_ request: HTTPRequest, _ caller: Caller) -> HTTPAnswer {
    let isKnown = caller.identity.kind != .anonymous
    if isKnown { request.sender = caller.name }
    if limiter != nil || concurrency != nil, !Self.isHealth(request) {
      // Whoever is known has limits of his own, wherever he is.
      let key = isKnown ? caller.name : request.subscriber
      if case .wait(let seconds)? = limiter?.take(key, at: .now) {
        return .response(WireError.tooMany("too many requests", retryAfter: seconds).response)
      }
      if let concurrency {
        guard concurrency.enter(key) else {
          return .response(WireError.tooMany("too many requests at the same time", retryAfter: 1).response)
        }
        request.countedAs = key
      }
    }
    guard request.path.hasPrefix("/v2") else {
      return token(request) ?? appContainer.answer(request, caller) ?? signatures(request, caller)
        ?? operations(request, caller)
    }
    do throws(WireError) {
      guard let route = try Route(path: request.path) else {
        throw WireError(.notFound, .unsupported, "there is no endpoint \(request.path.quotedForMessage)")
      }
      let (placed, place, refusal) = try place(route, request)
      try check(caller, placed, request)
      if let refusal { throw refusal }
      guard let place else { return try dispatch(request, placed, caller) }
      let answer = try dispatch(request, placed, place, caller)
      return place.isNamed ? answer.adding(namespace: place.repository.upstream.namespace) : answer
    } catch {
      return .response(error.response)
    }
  }

  static func isHealth(_ request: HTTPRequest) -> Bool {
    request.path == "/healthz" || request.path == "/readyz"
  }

  /// What is asked of an upstream's repository.
  private func dispatch(
    _ request: HTTPRequest, _ route: Route, _ place: MirroredPlace, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    let (repository, mirror) = (place.repository, place.mirror)
    switch (route, request.method) {
    case (.blob(_, let digest), .GET): return getBlob(request, digest, from: repository, mirror)
    case (.blob(_, let digest), .HEAD): return headBlob(request, digest, from: repository, mirror)
    case (.manifest(_, let reference), .GET), (.manifest(_, let reference), .HEAD):
      return getManifest(request, reference, from: repository, mirror, caller)
    case (.tags, .GET), (.tags, .HEAD): return try listTags(request, from: repository, mirror, caller)
    case (.referrers(_, let digest), .GET), (.referrers(_, let digest), .HEAD):
      return try listReferrers(request, digest, from: repository, mirror)
    default: return try dispatch(request, route, caller)
    }
  }

  private func dispatch(
    _ request: HTTPRequest, _ route: Route, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    switch (route, request.method) {
    case (.base, .GET), (.base, .HEAD): return .response(Self.base)
    case (.blob(let repository, let digest), .GET): return getBlob(request, digest, repository)
    case (.blob(let repository, let digest), .HEAD): return headBlob(request, digest, repository)
    case (.blob(let repository, let digest), .DELETE): return deleteBlob(request, digest, repository)
    case (.manifest(let repository, let reference), .GET), (.manifest(let repository, let reference), .HEAD):
      return getManifest(request, reference, repository, caller)
    case (.manifest(let repository, let reference), .PUT):
      return try putManifest(request, reference, repository, caller)
    case (.manifest(let repository, let reference), .DELETE):
      return deleteManifest(request, reference, repository)
    case (.uploads(let repository), .POST): return try startUpload(request, repository, caller)
    case (.upload(let repository, let id), .GET), (.upload(let repository, let id), .HEAD):
      return uploadStatus(request, id, repository)
    case (.upload(let repository, let id), .PATCH): return try patchUpload(request, id, repository, caller)
    case (.upload(let repository, let id), .PUT): return try finishUpload(request, id, repository, caller)
    case (.upload(let repository, let id), .DELETE): return cancelUpload(request, id, repository)
    case (.tags(let repository), .GET), (.tags(let repository), .HEAD):
      return try listTags(request, repository, caller)
    case (.referrers(let repository, let digest), .GET), (.referrers(let repository, let digest), .HEAD):
      return try listReferrers(request, digest, repository)
    case (.catalog, .GET), (.catalog, .HEAD): return try listRepositories(request, caller)
    case (.extensions(let repository), .GET), (.extensions(let repository), .HEAD):
      return discoverExtensions(request, repository)
    case (.signedTags(let repository), .GET), (.signedTags(let repository), .HEAD):
      return try signedTags(request, repository)
    default:
      throw WireError.notAllowed(request.method, but: route.methods)
    }
  }

  public func answer(malformed: MalformedRequest) -> HTTPResponse {
    logger.info(
      "refused what is no request",
      metadata: [
        "request": "\(malformed.id)", "remote": "\(malformed.remoteAddress)", "reason": "\(malformed.reason)",
      ])
    return WireError(malformed.status, .unsupported, malformed.reason).response
  }

  public func finished(_ request: HTTPRequest, outcome: ResponseOutcome) {
    if let key = request.countedAs { concurrency?.leave(key) }
    metrics.record(request, outcome)
    accessLog?.record(request, outcome)
    auditLog?.record(request, outcome)
  }

  /// Work that waits, as an answer; what it throws becomes an error response.
  func deferred(
    _ request: HTTPRequest, _ body: @escaping @Sendable () async throws -> HTTPResponse
  ) -> HTTPAnswer {
    .deferred { [self] in
      do {
        return try await body()
      } catch {
        return failure(error, request)
      }
    }
  }

  /// A look-up on the event loop, as an answer.
  func immediate(_ request: HTTPRequest, _ body: () throws -> HTTPAnswer) -> HTTPAnswer {
    do {
      return try body()
    } catch {
      return .response(failure(error, request))
    }
  }

  private func failure(_ error: any Error, _ request: HTTPRequest) -> HTTPResponse {
    let wire = WireError(error)
    if wire.status.code >= 500 {
      logger.error(
        "a request failed",
        metadata: [
          "request": "\(request.id)", "method": "\(request.method)", "path": "\(request.path)",
          "error": "\(error)",
        ])
    }
    return wire.response
  }

  /// end-1
  private static let base = HTTPResponse(
    status: .ok,
    headers: [
      "Content-Type": "application/json", "Docker-Distribution-API-Version": "registry/2.0",
      "X-Registry-Supports-Signatures": "1",
    ],
    body: .bytes(ByteBuffer(string: "{}")))
}

extension Route {
  /// For the `Allow` header.
  fileprivate var methods: String {
    switch self {
    case .base, .tags, .referrers, .catalog, .extensions, .signedTags: "GET, HEAD"
    case .blob: "GET, HEAD, DELETE"
    case .manifest: "GET, HEAD, PUT, DELETE"
    case .uploads: "POST"
    case .upload: "GET, PATCH, PUT, DELETE"
    }
  }
}
