import Access
import AppContainer
import ContainerImage
import FoundationEssentials
import HTTPServer
import Logging
import NIOCore
import NIOHTTP1
import Registry
import Storage

/// Answers clients of appc: discovery at any path, and what it leads to below `/aci/`. docs/appc.md describes it.
struct AppContainerHandler: Sendable {
  let service: AppContainerService
  let pushers: AddressList
  let gate: Gatekeeper?
  let logger: Logger
  let pushes = ACIPushSessions()
  let pending = PendingSignatures()

  init(service: AppContainerService, pushers: AddressList, gate: Gatekeeper?, logger: Logger) {
    self.service = service
    self.pushers = pushers
    self.gate = gate
    self.logger = logger
  }

  var registry: Registry { service.registry }

  /// - Returns: nil if the request is none of appc's.
  func answer(_ request: HTTPRequest, _ caller: Caller) -> HTTPAnswer? {
    if request.isDiscovery { return deferred { try await discover(request, caller) } }
    guard request.path.hasPrefix("/aci/") else { return nil }
    do throws(WireError) {
      guard let route = try AppContainerRoute(path: request.path) else {
        throw WireError(.notFound, .unsupported, "there is nothing at \(request.path.quotedForMessage)")
      }
      try check(caller, route, request)
      return try dispatch(request, route, caller)
    } catch {
      return .response(error.response)
    }
  }

  /// Asked before anything is looked up.
  private func check(
    _ caller: Caller, _ route: AppContainerRoute, _ request: HTTPRequest
  ) throws(WireError) {
    guard let gate else { return }
    let (repository, action): (RepositoryName?, AccessAction)
    switch route {
    case .file(_, let query):
      (repository, action) = (
        service.configuration.hosts.repository(of: query.name), request.method == .PUT ? .push : .pull
      )
    case .push(let query):
      (repository, action) = (service.configuration.hosts.repository(of: query.name), .push)
    case .pushPart(let id, _): (repository, action) = (pushes[id]?.repository, .push)
    case .key: return
    }
    // What is no name of an image here is found by nobody.
    if let repository { try gate.check(caller, may: action, in: repository, request) }
  }

  private func dispatch(
    _ request: HTTPRequest, _ route: AppContainerRoute, _ caller: Caller
  ) throws(WireError) -> HTTPAnswer {
    switch (route, request.method) {
    case (.file(let file, let query), .GET), (.file(let file, let query), .HEAD):
      return get(file, query, request, caller)
    case (.file(.image, let query), .PUT): return deferred { try await putImage(query, request) }
    case (.file(.signature, let query), .PUT): return deferred { try await putSignature(query, request) }
    case (.key(let prefix, let fingerprint), .GET), (.key(let prefix, let fingerprint), .HEAD):
      return deferred { try await key(fingerprint, for: prefix) }
    case (.push(let query), .POST): return deferred { try startPush(query, request) }
    case (.pushPart(let id, .completed), .POST): return deferred { try await completePush(id, request) }
    case (.pushPart(let id, let part), .PUT) where part != .completed:
      return deferred { try await receive(part, of: id, request) }
    default:
      throw WireError.notAllowed(request.method, but: route.methods)
    }
  }

  func deferred(_ body: @escaping @Sendable () async throws -> HTTPResponse) -> HTTPAnswer {
    .deferred {
      do {
        return try await body()
      } catch {
        return failure(error)
      }
    }
  }

  func failure(_ error: any Error) -> HTTPResponse {
    let wire = WireError(error)
    if wire.status.code >= 500 { logger.error("a request of appc failed", metadata: ["error": "\(error)"]) }
    return wire.response
  }

  // MARK: Discovery

  /// Names below which there is nothing are not known, so that clients walk up to where keys and templates are.
  private func discover(_ request: HTTPRequest, _ caller: Caller) async throws -> HTTPResponse {
    let (host, origin) = try place(request)
    let path = request.path.utf8.drop { $0 == UInt8(ascii: "/") }
    let name: ACIdentifier
    do {
      name = try ACIdentifier(parsing: path.isEmpty ? host : "\(host)/\(Substring(path))")
    } catch {
      throw WireError(.notFound, .nameInvalid, "\(error)")
    }
    let keys = try await registry.store.blocking { [service] in
      guard try path.isEmpty || service.isKnown(name, where: caller.maySee) else {
        throw ACIRefusal.notFound("no image of this registry is named \(name), or begins so")
      }
      return try service.publicKeys(for: name, at: Date())
    }
    return .text(
      .ok, DiscoveryTemplates(name: name, origin: origin, keys: keys.map(\.fingerprint)).html,
      type: "text/html; charset=utf-8")
  }

  /// As what the client reached this server, by itself or through a proxy.
  func place(_ request: HTTPRequest) throws(WireError) -> (host: String, origin: String) {
    let authority = request.headers.first(name: "host") ?? ""
    guard !authority.isEmpty, authority.utf8.allSatisfy(\.isAuthority),
      let host = service.configuration.hosts.host(for: authority)
    else {
      throw WireError(
        .badRequest, .nameInvalid,
        "the Host header \(authority.quotedForMessage) is none, or appc.hosts names no host that images are known by"
      )
    }
    return (host, "\(request.scheme)://\(authority)")
  }

  /// A public key, for `rkt trust`.
  private func key(_ fingerprint: String, for prefix: ACIdentifier) async throws -> HTTPResponse {
    let keys = try await registry.store.blocking { [service] in
      try service.publicKeys(for: prefix, at: Date())
    }
    guard let key = keys.first(where: { $0.fingerprint == fingerprint }) else {
      throw ACIRefusal.notFound("no key \(fingerprint.quotedForMessage) is trusted for \(prefix) here")
    }
    return .text(.ok, String(decoding: key.key, as: UTF8.self), type: "application/pgp-keys")
  }
}

extension AppContainerRoute {
  /// For the `Allow` header.
  fileprivate var methods: String {
    switch self {
    case .file: "GET, HEAD, PUT"
    case .key: "GET, HEAD"
    case .push, .pushPart(_, .completed): "POST"
    case .pushPart: "PUT"
    }
  }
}

extension HTTPRequest {
  /// `GET …?ac-discovery=1`
  fileprivate var isDiscovery: Bool {
    guard !query.isEmpty, method == .GET || method == .HEAD else { return false }
    return QueryItems(query)?["ac-discovery"] == "1"
  }
}
