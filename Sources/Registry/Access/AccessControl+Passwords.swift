import Access
import ContainerImage
import FoundationEssentials
import Storage

extension AccessControl {
  /// By a password, or by a token in its place, whatever the user's name is then.
  /// - Returns: also until when, in seconds since 1970, it need not be found out again.
  func login(
    _ user: String, _ password: String, from address: String, at time: Date, _ configuration: Configuration
  ) async throws -> (Login, until: Int64) {
    if let token = APIToken(parsing: password) {
      return try await login(token, at: time)
    }
    if let issuer = JSONWebToken.claimedIssuer(of: password) {
      return try await login(password, claimingToBeOf: issuer, at: time, configuration)
    }
    if case .wait(let seconds) = attempts.permission(for: user, from: address, at: .now) {
      return (.locked(seconds), 0)
    }
    let stored = try await store.blocking { [store] in try store.metadata.user(user) }
    let hash =
      try stored.map { try PasswordHash(parsing: $0.passwordHash) } ?? configuration.passwords?[user]
    // One who tries names learns nothing from how long it takes.
    let isRight = try await store.blocking {
      (hash ?? .ofNobody(cost: configuration.passwords?.highestCost ?? 10)).matches(password) && hash != nil
    }
    guard isRight else {
      attempts.failed(user, from: address, at: .now)
      logger.notice("refused a login", metadata: ["user": "\(user)", "remote": "\(address)"])
      return (.refused("the user name or the password is wrong"), 0)
    }
    attempts.succeeded(user, from: address)
    let identity = Identity(kind: .user, name: user, groups: Set(stored?.groups ?? []))
    return (
      .caller(Caller(identity, rules: configuration.rules)),
      Int64(time.timeIntervalSince1970) + Self.rememberedFor
    )
  }

  func login(_ token: APIToken, at time: Date) async throws -> (Login, until: Int64) {
    let now = Int64(time.timeIntervalSince1970)
    let stored = try await store.blocking { [store] in try store.metadata.token(id: token.id) }
    guard let stored, token.matches(hash: stored.hash) else {
      return (.refused("the token is unknown, or was revoked"), 0)
    }
    guard stored.isCurrent(at: now) else { return (.refused("the token has expired"), 0) }
    return (.caller(try Caller(stored)), min(stored.expiresAt ?? .max, now + Self.rememberedFor))
  }
}

extension MetadataStore.StoredToken {
  /// - Parameter time: in seconds since 1970.
  func isCurrent(at time: Int64) -> Bool { expiresAt.map { $0 > time } ?? true }
}

extension Caller {
  /// What an API token gives.
  convenience init(_ token: MetadataStore.StoredToken) throws(InvalidValue) {
    var patterns: [RepositoryPattern] = []
    for text in token.repositories { patterns.append(try RepositoryPattern(parsing: text)) }
    self.init(
      Identity(kind: .token, name: token.name, groups: []), in: patterns,
      actions: Set(token.actions.compactMap(AccessAction.init(rawValue:))))
  }
}
