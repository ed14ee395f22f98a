import FoundationEssentials
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What proves to one registry who asks: nothing, a user and password, or tokens that the token service gives for each
/// scope and that are renewed when they end.
final class Authorizer: Sendable {
  private struct Token {
    let value: Secret
    /// Seconds since the machine started.
    let end: Int
  }

  private struct State {
    var challenge: AuthenticationChallenge?
    var tokens: [String: Token] = [:]
    var credentials: Credentials?
  }

  private let state = Mutex(State())
  private let lookUp: @Sendable () throws -> Credentials
  private let fetch: @Sendable (ClientRequest) throws -> ClientResponse

  /// Seconds that a token is good for if its service does not say (distribution, "Token Authentication").
  private static let defaultLife = 60
  private static let largestAnswer = 1 << 20
  /// Tokens that are kept before those go that have ended.
  private static let mostTokens = 1000

  /// - Parameters:
  ///   - lookUp: the user's credentials for the registry; called when it asks for some.
  ///   - fetch: sends a request to the token service.
  init(
    lookUp: @escaping @Sendable () throws -> Credentials,
    fetch: @escaping @Sendable (ClientRequest) throws -> ClientResponse
  ) {
    self.lookUp = lookUp
    self.fetch = fetch
  }

  /// The `Authorization` header for a request, as far as is known without asking; nil for none.
  func authorization(for scopes: [String]) -> Secret? {
    let key = Self.key(scopes)
    return state.withLock { state -> Secret? in
      switch state.challenge {
      case nil: return nil
      case .basic: return state.credentials.flatMap(Self.basic)
      case .bearer:
        guard let token = state.tokens[key], token.end > Self.now else { return nil }
        return Secret("Bearer \(token.value.exposed)")
      }
    }
  }

  /// Answers a registry that wants to know who asks.
  /// - Parameters:
  ///   - rejected: the header that was sent and not taken, if one was.
  ///   - settings: for the connection to the token service.
  /// - Returns: whether another try may work.
  func answer(
    _ challenges: [AuthenticationChallenge], rejected: Secret?, scopes: [String], from url: ClientURL,
    settings: (ClientURL) -> ConnectionSettings
  ) throws -> Bool {
    let credentials = try state.withLock { state in
      if let known = state.credentials { return known }
      let found = try lookUp()
      state.credentials = found
      return found
    }
    let bearer = challenges.first { if case .bearer = $0 { true } else { false } }
    if case .bearer(let realm, let service, let scope)? = bearer {
      guard let service_ = ClientURL(realm) else {
        throw ConnectionFailure(kind: .invalid, reason: "the registry names a token service that is no URL")
      }
      // A registry over TLS must not have credentials sent elsewhere in clear text.
      guard service_.scheme == .https || url.scheme == .http else {
        throw ConnectionFailure(
          kind: .invalid, reason: "the registry names the token service \(service_.origin), which has no TLS")
      }
      let wanted = scopes.isEmpty ? scope.map { [$0] } ?? [] : scopes
      let token = try token(
        from: service_, service: service, scopes: wanted, credentials, settings(service_))
      let header = Secret("Bearer \(token.value.exposed)")
      state.withLock { state in
        state.challenge = bearer
        if state.tokens.count >= Self.mostTokens {
          state.tokens = state.tokens.filter { $0.value.end > Self.now }
        }
        state.tokens[Self.key(scopes)] = token
      }
      return header != rejected
    }
    guard challenges.contains(.basic), let header = Self.basic(credentials), header != rejected else {
      return false
    }
    state.withLock { $0.challenge = .basic }
    return true
  }

  /// Asks the token service: by GET with the user's password, or for an identity token by OAuth 2's POST.
  private func token(
    from url: ClientURL, service: String?, scopes: [String], _ credentials: Credentials,
    _ settings: ConnectionSettings
  ) throws -> Token {
    var request = ClientRequest(method: "GET", url: url, settings: settings)
    switch credentials {
    case .identityToken(let token):
      var fields = [
        ("grant_type", "refresh_token"), ("client_id", "kontor"), ("refresh_token", token.exposed),
        ("scope", scopes.joined(separator: " ")),
      ]
      if let service { fields.append(("service", service)) }
      request.method = "POST"
      request.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
      request.body = .bytes(
        Array(fields.map { "\($0)=\($1.percentEncoded)" }.joined(separator: "&").utf8))
    case .anonymous, .password:
      if let service { request.url = request.url.adding("service", service) }
      for scope in scopes { request.url = request.url.adding("scope", scope) }
      if let basic = Self.basic(credentials) { request.headers.append(("Authorization", basic.exposed)) }
    }
    let response = try fetch(request)
    let body = try response.collect(upTo: Self.largestAnswer) ?? []
    guard response.head.status == 200 else {
      throw AuthenticationFailure(
        service: url.origin, status: response.head.status, RegistryAnswer.message(body))
    }
    guard let answer = try? JSONDecoder().decode(TokenAnswer.self, from: Data(body)),
      let value = answer.token ?? answer.accessToken, !value.isEmpty
    else {
      throw ConnectionFailure(kind: .invalid, reason: "the token service \(url.origin) gave no token")
    }
    // Renewed a little early, for a request takes a while; some services give lives of less than that.
    let life = max(answer.expiresIn ?? Self.defaultLife, Self.defaultLife)
    return Token(value: Secret(value), end: Self.now + life - 10)
  }

  private struct TokenAnswer: Decodable {
    var token: String?
    var accessToken: String?
    var expiresIn: Int?

    private enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
      case expiresIn = "expires_in"
    }
  }

  private static func basic(_ credentials: Credentials) -> Secret? {
    guard case .password(let username, let password) = credentials else { return nil }
    return Secret("Basic " + Data("\(username):\(password.exposed)".utf8).base64EncodedString())
  }

  private static func key(_ scopes: [String]) -> String { scopes.sorted().joined(separator: " ") }

  private static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return time.tv_sec
  }
}

/// A token service said no.
struct AuthenticationFailure: Error {
  let service: String
  let status: Int
  let message: String?

  init(service: String, status: Int, _ message: String?) {
    self.service = service
    self.status = status
    self.message = message
  }
}
