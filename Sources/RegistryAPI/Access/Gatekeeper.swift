import Access
import ContainerImage
import FoundationEssentials
import HTTPServer
import NIOHTTP1
import Registry

/// Finds out who sends a request, and tells those who may not do what they ask for how they might.
struct Gatekeeper: Sendable {
  let access: AccessControl
  /// Where clients get tokens; nil for `/token` of this registry, by the name that the client called it.
  let realm: String?

  enum Entry {
    case caller(Caller)
    /// It takes a while to know.
    case unknown(AccessControl.Credentials, header: String)
    case refused(WireError)
  }

  /// May run on an event loop.
  func entry(_ request: HTTPRequest) -> Entry {
    let values = request.headers["authorization"]
    guard let header = values.first else {
      return .caller(request.clientCertificate.flatMap(access.caller(showing:)) ?? access.anonymous)
    }
    if values.count == 1, let caller = access.known(header, at: Int64(Date().timeIntervalSince1970)) {
      return .caller(caller)
    }
    guard values.count == 1, let credentials = AccessControl.Credentials(header: header) else {
      return .refused(
        WireError(
          .unauthorized, .unauthorized,
          "the header Authorization is neither Basic nor Bearer, or is malformed",
          headers: challenges(request)))
    }
    return .unknown(credentials, header: header)
  }

  /// - Throws: `WireError` for credentials that are not good.
  func login(
    _ credentials: AccessControl.Credentials, header: String, _ request: HTTPRequest
  ) async throws -> Caller {
    let login = try await access.login(
      credentials, header: header, from: request.subscriber, at: Date())
    return try caller(of: login, headers: challenges(request, error: "invalid_token"))
  }

  /// - Parameter headers: of a refusal.
  func caller(of login: AccessControl.Login, headers: HTTPHeaders) throws(WireError) -> Caller {
    switch login {
    case .caller(let caller): return caller
    case .refused(let reason): throw WireError(.unauthorized, .unauthorized, reason, headers: headers)
    case .locked(let seconds):
      throw WireError.tooMany("too many wrong passwords", retryAfter: seconds)
    }
  }

  /// Asked before anything is looked up, so that the answer is the same whether there is such a repository or not.
  /// - Parameter other: is enough as well.
  func check(
    _ caller: Caller, may action: AccessAction, or other: AccessAction? = nil, in repository: RepositoryName,
    _ request: HTTPRequest
  ) throws(WireError) {
    func isAllowed(_ may: (AccessAction, RepositoryName) -> Bool) -> Bool {
      may(action, repository) || other.map { may($0, repository) } ?? false
    }
    if isAllowed(caller.may) { return }
    let scope = TokenScope(type: "repository", name: repository.description, actions: action.scope)
    if caller.identity.kind == .anonymous {
      throw WireError(
        .unauthorized, .unauthorized, "log in to \(action.rawValue) here", headers: challenges(request, scope)
      )
    }
    // It came with a token for something else, and can have one for this.
    if isAllowed(caller.isGranted) {
      throw WireError(
        .unauthorized, .unauthorized, "the token is not for this: ask for the scope \(scope)",
        headers: challenges(request, scope, error: "insufficient_scope"))
    }
    throw WireError(
      .forbidden, .denied, "\(caller.identity.name.quotedForMessage) may not \(action.rawValue) here")
  }

  /// For what belongs to no repository.
  func checkIsAdmin(_ caller: Caller, _ request: HTTPRequest) throws(WireError) {
    if caller.isAdmin { return }
    guard caller.identity.kind == .anonymous || caller.hasScopes else {
      throw WireError(
        .forbidden, .denied, "\(caller.identity.name.quotedForMessage) does not look after this registry")
    }
    throw WireError(
      .unauthorized, .unauthorized, "log in with a password to look after this registry",
      headers: ["WWW-Authenticate": basicChallenge])
  }

  /// Docker's clients ask this first, to know where they log in.
  func checkIsKnown(_ caller: Caller, _ request: HTTPRequest) throws(WireError) {
    guard caller.identity.kind == .anonymous, !caller.hasScopes else { return }
    throw WireError(
      .unauthorized, .unauthorized, "this registry wants to know who asks: log in",
      headers: challenges(request))
  }

  /// What a client may do to be let in (RFC 6750, section 3; Docker's token specification). appc's clients know no tokens.
  private func challenges(
    _ request: HTTPRequest, _ scope: TokenScope? = nil, error: String? = nil
  ) -> HTTPHeaders {
    guard request.path.hasPrefix("/v2") || request.path.hasPrefix("/extensions/") else {
      return ["WWW-Authenticate": basicChallenge]
    }
    var text =
      "Bearer realm=\"\(realm ?? request.origin + "/token")\",service=\"\(access.configuration.service)\""
    if let scope { text += ",scope=\"\(scope)\"" }
    if let error { text += ",error=\"\(error)\"" }
    return ["WWW-Authenticate": text]
  }

  private var basicChallenge: String {
    "Basic realm=\"\(access.configuration.service)\", charset=\"UTF-8\""
  }
}

extension AccessControl.Credentials {
  /// - Parameter header: `Basic …` (RFC 7617) or `Bearer …` (RFC 6750).
  init?(header: String) {
    guard let space = header.firstIndex(of: " ") else { return nil }
    let value = header[header.index(after: space)...].drop { $0 == " " }
    switch header[..<space].lowercased() {
    case "basic":
      guard let bytes = Data(base64Encoded: String(value)),
        let text = String(validating: bytes, as: UTF8.self),
        let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
      else { return nil }
      self = .basic(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    case "bearer" where !value.isEmpty: self = .bearer(String(value))
    default: return nil
    }
  }
}

extension AccessAction {
  /// What clients ask a token for.
  fileprivate var scope: [String] {
    switch self {
    case .pull: ["pull"]
    case .push, .sign, .admin: ["pull", "push"]
    case .delete: ["delete"]
    }
  }
}

extension HTTPRequest {
  /// What the client calls this server.
  fileprivate var origin: String {
    let host =
      headers.first(name: "host").flatMap { $0.utf8.allSatisfy(\.isAuthority) ? $0 : nil } ?? "localhost"
    return "\(scheme)://\(host)"
  }
}

extension UInt8 {
  /// Whether it may be in a host with a port.
  var isAuthority: Bool { isAlphanumeric || "-.:[]_".utf8.contains(self) }
}
