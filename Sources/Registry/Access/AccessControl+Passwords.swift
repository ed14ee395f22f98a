import Access
import ContainerImage
import FoundationEssentials
import LDAP
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
    let key = Self.guessed(user)
    if case .wait(let seconds) = attempts.permission(for: key, from: address, at: .now) {
      return (.locked(seconds), 0)
    }
    let local = try await localUser(user, configuration)
    let hash = try local?.hash()
    let identity: Identity?
    if hash == nil, let directory = configuration.directory {
      identity = try await self.identity(of: user, password, in: directory, from: address, configuration)
    } else {
      // One who tries names learns nothing from how long it takes, but for whose users they are.
      let isRight = try await store.blocking {
        (hash ?? .ofNobody(cost: configuration.passwords?.highestCost ?? 10)).matches(password) && hash != nil
      }
      identity = isRight ? local?.identity : nil
    }
    guard let identity else {
      attempts.failed(key, from: address, at: .now)
      logger.notice("refused a login", metadata: ["user": "\(user)", "remote": "\(address)"])
      return (.refused("the user name or the password is wrong"), 0)
    }
    attempts.succeeded(key, from: address)
    return (.caller(Caller(identity, rules: configuration.rules)), .max)
  }

  /// Whose passwords are counted together: directories find the same user by more than one way to write the name.
  static func guessed(_ user: String) -> String {
    user.lowercased().split(separator: " ").joined(separator: " ")
  }

  /// A user of the database or of the file.
  struct LocalUser {
    let name: String
    /// Nil for one of the file alone.
    fileprivate let stored: MetadataStore.User?
    fileprivate let inFile: PasswordHash?

    var identity: Identity { Identity(kind: .user, name: name, groups: Set(stored?.groups ?? [])) }

    /// - Throws: `AccessError` if the database has something else.
    fileprivate func hash() throws -> PasswordHash? {
      try stored.map { try PasswordHash(parsing: $0.passwordHash) } ?? inFile
    }

    /// Whether a token that was issued then counts: not before the last change of the password.
    func honours(issuedAt: Date?) -> Bool {
      guard let stored, let issuedAt else { return true }
      return Int64(issuedAt.timeIntervalSince1970) >= stored.changedAt
    }
  }

  /// - Returns: nil if there is none.
  func localUser(_ name: String, _ configuration: Configuration) async throws -> LocalUser? {
    let stored = try await store.blocking { [store] in try store.metadata.user(name) }
    let inFile = configuration.passwords?[name]
    return stored == nil && inFile == nil ? nil : LocalUser(name: name, stored: stored, inFile: inFile)
  }

  /// - Throws: `LoginUnavailable`
  /// - Returns: nil if the user is not known to the directory, or the password is wrong.
  private func identity(
    of user: String, _ password: String, in directory: LDAPDirectory, from address: String,
    _ configuration: Configuration
  ) async throws -> Identity? {
    switch try await asking(directory, { try await $0.verdict(on: user, password: password) }) {
    case .accepted(let entry):
      // By another way to write it, nobody becomes a user of that name who is not of the directory.
      let isOther = !entry.name.utf8.elementsEqual(user.utf8)
      if isOther, try await localUser(entry.name, configuration) != nil { return nil }
      return identity(entry)
    case .refused(let reason):
      logger.info(
        "the directory refuses a login",
        metadata: ["user": "\(user)", "remote": "\(address)", "reason": "\(reason)"])
      return nil
    }
  }

  /// A user of the directory whose password was right before.
  /// - Throws: `LoginUnavailable`
  func identity(of user: String, in directory: LDAPDirectory) async throws -> Identity? {
    try await asking(directory) { try await $0.entry(of: user) }.flatMap(identity)
  }

  /// - Returns: nil for one whose name cannot be in rules.
  private func identity(_ entry: LDAPDirectory.Entry) -> Identity? {
    do {
      return try Identity(parsing: "user:" + entry.name, groups: entry.groups)
    } catch {
      logger.notice("a user of the directory has a name that cannot be", metadata: ["error": "\(error)"])
      return nil
    }
  }

  private func asking<Answer>(
    _ directory: LDAPDirectory, _ body: (LDAPDirectory) async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await body(directory)
    } catch let error as LDAPError {
      logger.error("the directory of users is of no help", metadata: ["error": "\(error)"])
      throw LoginUnavailable(reason: "the directory of users cannot be asked now")
    }
  }

  func login(_ token: APIToken, at time: Date) async throws -> (Login, until: Int64) {
    let now = Int64(time.timeIntervalSince1970)
    let stored = try await store.blocking { [store] in try store.metadata.token(id: token.id) }
    guard let stored, token.matches(hash: stored.hash) else {
      return (.refused("the token is unknown, or was revoked"), 0)
    }
    guard stored.isCurrent(at: now) else { return (.refused("the token has expired"), 0) }
    return (.caller(try Caller(stored)), stored.expiresAt ?? .max)
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
      actions: Set(token.actions.compactMap(AccessAction.init(rawValue:))), until: token.expiresAt)
  }
}
