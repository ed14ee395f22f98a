import Access
import ContainerImage
import Crypto
import FoundationEssentials
import Storage
import Trust

extension AccessControl {
  /// What a client gets for its credentials (Docker's token specification, section "Token Response Fields").
  public struct IssuedToken: Sendable {
    public let token: String
    /// Which of the scopes that were asked for it is good for.
    public let scopes: [TokenScope]
    public let issuedAt: Date
    /// In seconds.
    public let lifetime: Int64
  }

  /// Whether clients get their tokens here.
  public var issuesTokens: Bool { configuration.issuer == nil }

  /// A token for as much of what was asked for as the caller may do.
  public func token(
    for caller: Caller, _ scopes: [TokenScope], at time: Date
  ) async throws -> IssuedToken {
    let configuration = configuration
    let signer = try await issuing.signer(configuration, at: Int64(time.timeIntervalSince1970))
    let granted = scopes.compactMap { $0.granted(to: caller) }
    let claims = TokenClaims(
      identity: caller.identity, issuer: configuration.service, audience: configuration.service,
      access: granted, at: time, lifetime: Int(configuration.tokenLifetime.components.seconds))
    return IssuedToken(
      token: try signer.sign(claims), scopes: granted, issuedAt: time,
      lifetime: configuration.tokenLifetime.components.seconds)
  }

  /// A token that a client keeps instead of its user's password (`offline_token`).
  /// - Returns: nil for those who have no password.
  public func refreshToken(for caller: Caller, at time: Date) async throws -> String? {
    guard caller.identity.kind == .user else { return nil }
    let token = Self.randomText()
    let end = Int64(time.timeIntervalSince1970) + configuration.refreshLifetime.components.seconds
    try await store.metadata.addRefreshToken(
      hash: Self.hash(token), subject: "user:" + caller.identity.name, expiresAt: end)
    return token
  }

  /// - Returns: whose refresh token that is; nil if it is nobody's.
  public func caller(refreshing token: String) async throws -> Caller? {
    let configuration = configuration
    let subject = try await store.blocking { [store] in
      try store.metadata.refreshTokenSubject(hash: Self.hash(token))
    }
    guard let subject, subject.hasPrefix("user:") else { return nil }
    return try await user(String(subject.dropFirst(5)), issuedAt: nil, configuration)
  }

  /// By a token of Docker's protocol, or by an API token.
  func login(
    bearer text: String, at time: Date, _ configuration: Configuration
  ) async throws -> (Login, until: Int64) {
    if let token = APIToken(parsing: text) { return try await login(token, at: time) }
    let verifier: TokenVerifier
    if let issuer = configuration.issuer {
      verifier = issuer
    } else {
      verifier = TokenVerifier(
        keys: try await issuing.verifying(), issuer: configuration.service, audience: configuration.service)
    }
    let claims: TokenClaims
    switch verifier.verify(text, at: time) {
    case .success(let found): claims = found
    case .failure(let reason): return (.refused("the token does not count: \(reason)"), 0)
    }
    let caller: Caller?
    if configuration.issuer != nil {
      let identity =
        claims.subject.isEmpty ? Identity.anonymous : Identity(kind: .user, name: claims.subject)
      caller = Caller(identity, vouchedFor: claims.access)
    } else {
      caller = try await self.caller(of: claims, at: time, configuration)?.limited(to: claims.access)
    }
    guard let caller else { return (.refused("the token's owner is not known any more"), 0) }
    return (.caller(caller), Int64(claims.expires.timeIntervalSince1970.rounded(.down)))
  }

  /// Who holds a token of ours now: what he was when it was issued counts for nothing.
  private func caller(
    of claims: TokenClaims, at time: Date, _ configuration: Configuration
  ) async throws -> Caller? {
    switch claims.identity.kind {
    case .user: return try await user(claims.subject, issuedAt: claims.issuedAt, configuration)
    case .token:
      let stored = try await store.blocking { [store] in try store.metadata.token(named: claims.subject) }
      guard let stored, stored.expiresAt.map({ Double($0) > time.timeIntervalSince1970 }) ?? true else {
        return nil
      }
      return try Caller(stored)
    case .anonymous, .certificate: return Caller(claims.identity, rules: configuration.rules)
    }
  }

  /// - Parameter issuedAt: what was issued before the last change of the password does not count.
  private func user(
    _ name: String, issuedAt: Date?, _ configuration: Configuration
  ) async throws -> Caller? {
    let stored = try await store.blocking { [store] in try store.metadata.user(name) }
    if let stored {
      if let issuedAt, Int64(issuedAt.timeIntervalSince1970) < stored.changedAt { return nil }
      return Caller(
        Identity(kind: .user, name: name, groups: Set(stored.groups)), rules: configuration.rules)
    }
    guard configuration.passwords?[name] != nil else { return nil }
    return Caller(Identity(kind: .user, name: name), rules: configuration.rules)
  }

  private static func hash(_ token: String) -> String {
    String(Digest(.sha256, hashing: Array(token.utf8)).encoded)
  }

  /// 256 bits that nobody guesses.
  private static func randomText() -> String {
    StrictBase64.encodeURL(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
  }
}

extension TokenScope {
  /// What of it the caller may do; nil if that is nothing.
  fileprivate func granted(to caller: Caller) -> TokenScope? {
    guard type == "repository", let repository = try? RepositoryName(parsing: name) else { return nil }
    let isAll = actions.contains("*")
    var granted = AccessAction.allCases.filter { action in
      action != .admin && (isAll || actions.contains(action.rawValue))
        && caller.isGranted(action, in: repository)
    }
    // Docker's clients know no word for signing.
    if actions.contains("push"), !granted.contains(.sign), caller.isGranted(.sign, in: repository) {
      granted.append(.sign)
    }
    return granted.isEmpty ? nil : TokenScope(type: type, name: name, actions: granted.map(\.rawValue))
  }
}
