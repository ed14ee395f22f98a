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

  /// A token for as much of what was asked for as the caller may do. For one who came with a token it does not live longer than
  /// that, unless it is exchanged.
  /// - Parameter isExchanged: whether the caller came with an ID token, which he does not have for long.
  public func token(
    for caller: Caller, _ scopes: [TokenScope], isExchanged: Bool = false, at time: Date
  ) async throws -> IssuedToken {
    let configuration = configuration
    let now = Int64(time.timeIntervalSince1970)
    let lifetime =
      isExchanged
      ? configuration.exchangedTokenLifetime.components.seconds
      : min(configuration.tokenLifetime.components.seconds, caller.end.map { $0 - now } ?? .max)
    let signer = try await issuing.signer(configuration, at: now)
    let granted = scopes.compactMap { $0.granted(to: caller) }
    let claims = TokenClaims(
      identity: caller.identity, issuer: configuration.service, audience: configuration.service,
      access: granted, at: time, lifetime: Int(lifetime))
    return IssuedToken(
      token: try signer.sign(claims), scopes: granted, issuedAt: time, lifetime: max(lifetime, 0))
  }

  /// A token that a client keeps instead of its user's password (`offline_token`).
  /// - Returns: nil for those who have no password here: of another one that is changed, nobody hears.
  public func refreshToken(for caller: Caller, at time: Date) async throws -> String? {
    let configuration = configuration
    guard caller.identity.kind == .user, !caller.hasScopes,
      try await localUser(caller.identity.name, configuration) != nil
    else { return nil }
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
    // Nobody of a directory has got one.
    let user = try await localUser(String(subject.dropFirst(5)), configuration)
    return user.map { Caller($0.identity, rules: configuration.rules) }
  }

  /// By a token in the place of a password: an ID token of another system, or one that was given in exchange for it.
  /// - Parameter issuer: what it says of itself.
  func login(
    _ token: String, claimingToBeOf issuer: String, at time: Date, _ configuration: Configuration
  ) async throws -> (Login, until: Int64) {
    if configuration.issuer == nil, issuer.utf8.elementsEqual(configuration.service.utf8) {
      return try await login(bearer: token, at: time, configuration)
    }
    guard let workloads = configuration.workloads, workloads.know(issuer: issuer) else {
      return (.refused("ID tokens of \(issuer.quotedForMessage) are not taken here"), 0)
    }
    func refused(_ reason: String) -> (Login, until: Int64) {
      logger.notice("refused an ID token", metadata: ["issuer": "\(issuer)", "reason": "\(reason)"])
      return (.refused(reason), 0)
    }
    switch try await issuerKeys.verify(token, of: issuer, at: time) {
    case .failure(let reason): return refused("the ID token does not count: \(reason)")
    case .success(let claims):
      guard let found = workloads.holder(of: claims) else {
        return refused("no rule is for this ID token: its audience or its claims are others")
      }
      logger.info(
        "took an ID token",
        metadata: ["issuer": "\(issuer)", "user": "\(found.identity)", "rule": "\(found.rule)"])
      let end = Int64(found.expires.timeIntervalSince1970.rounded(.down))
      return (.caller(Caller(found.identity, rules: configuration.rules, until: end)), end)
    }
  }

  /// Who an ID token stands for.
  /// - Throws: `LoginUnavailable`
  public func exchange(_ token: String, at time: Date) async throws -> Login {
    guard let issuer = JSONWebToken.claimedIssuer(of: token) else {
      return .refused("the subject token is no JSON Web Token with an issuer")
    }
    return try await login(token, claimingToBeOf: issuer, at: time, configuration).0
  }

  /// By a token of Docker's protocol.
  func login(
    bearer text: String, at time: Date, _ configuration: Configuration
  ) async throws -> (Login, until: Int64) {
    let issuer: Issuer
    if let other = configuration.issuer {
      issuer = other
    } else {
      issuer = Issuer(name: configuration.service, keys: try await issuing.verifying())
    }
    let verifier = TokenVerifier(keys: issuer.keys, issuer: issuer.name, audience: configuration.service)
    let claims: TokenClaims
    switch verifier.verify(text, at: time) {
    case .success(let found): claims = found
    case .failure(let reason): return (.refused("the token does not count: \(reason)"), 0)
    }
    let end = Int64(claims.expires.timeIntervalSince1970.rounded(.down))
    let caller: Caller?
    if configuration.issuer != nil {
      let identity =
        claims.subject.isEmpty ? Identity.anonymous : Identity(kind: .user, name: claims.subject)
      caller = Caller(identity, vouchedFor: claims.access)
    } else {
      caller = try await self.caller(of: claims, at: time, configuration)?
        .limited(to: claims.access, until: end)
    }
    guard let caller else { return (.refused("the token's owner is not known any more"), 0) }
    return (.caller(caller), end)
  }

  /// Who holds a token of ours now: what he was when it was issued counts for nothing.
  private func caller(
    of claims: TokenClaims, at time: Date, _ configuration: Configuration
  ) async throws -> Caller? {
    switch claims.identity.kind {
    case .user: return try await user(claims.subject, issuedAt: claims.issuedAt, configuration)
    case .token:
      let stored = try await store.blocking { [store] in try store.metadata.token(named: claims.subject) }
      guard let stored, stored.isCurrent(at: Int64(time.timeIntervalSince1970)) else { return nil }
      return try Caller(stored)
    case .workload where configuration.workloads?.give(claims.identity) != true: return nil
    case .anonymous, .certificate, .workload: return Caller(claims.identity, rules: configuration.rules)
    }
  }

  /// - Parameter issuedAt: what was issued before the last change of the password does not count.
  private func user(
    _ name: String, issuedAt: Date?, _ configuration: Configuration
  ) async throws -> Caller? {
    let identity: Identity?
    if let local = try await localUser(name, configuration) {
      identity = local.honours(issuedAt: issuedAt) ? local.identity : nil
    } else if let directory = configuration.directory {
      identity = try await self.identity(of: name, in: directory)
    } else {
      identity = nil
    }
    return identity.map { Caller($0, rules: configuration.rules) }
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
    guard let repository else { return nil }
    let granted = accessActions.filter { $0 != .admin && caller.may($0, in: repository) }
    return granted.isEmpty ? nil : TokenScope(repository: repository, actions: granted)
  }
}
