import ContainerImage
import GRDB

/// Users, tokens and keys. Secrets are stored as hashes, but for the keys that sign tokens.
extension MetadataStore {
  public struct User: Sendable, Hashable {
    public let name: String
    /// As bcrypt writes it.
    public let passwordHash: String
    public let groups: [String]
    /// In seconds since 1970.
    public let createdAt: Int64
    /// When the password was changed last, in seconds since 1970: what was issued before counts no more.
    public let changedAt: Int64
  }

  public func user(_ name: String) throws(StorageError) -> User? {
    try reader().first(
      "SELECT name, password, groups, created_at, changed_at FROM user WHERE name = ?1", [.text(name)],
      User.init(row:))
  }

  /// In the order of their names.
  public func users() throws(StorageError) -> [User] {
    var found: [User] = []
    try reader().query("SELECT name, password, groups, created_at, changed_at FROM user ORDER BY name", []) {
      found.append(User(row: $0))
      return true
    }
    return found
  }

  /// - Returns: false if there is one of that name.
  public func addUser(_ name: String, passwordHash: String, groups: [String]) async throws -> Bool {
    try await write("add a user") { database in
      let now = secondsSince1970()
      try database.run(
        """
        INSERT INTO user (name, password, groups, created_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?4)
        ON CONFLICT (name) DO NOTHING
        """, [name, passwordHash, groups.joined(separator: "\n"), now])
      return database.changesCount > 0
    }
  }

  /// - Returns: false if there is no such user.
  public func setPassword(_ hash: String, of name: String) async throws -> Bool {
    try await write("change a password") { database in
      try database.run(
        "UPDATE user SET password = ?, changed_at = ? WHERE name = ?", [hash, secondsSince1970(), name])
      let isKnown = database.changesCount > 0
      try database.run("DELETE FROM refresh_token WHERE subject = ?", ["user:" + name])
      return isKnown
    }
  }

  /// - Returns: false if there is no such user.
  public func removeUser(_ name: String) async throws -> Bool {
    try await writeFreeingSpace("remove a user") { database in
      try database.run("DELETE FROM user WHERE name = ?", [name])
      let isKnown = database.changesCount > 0
      try database.run("DELETE FROM refresh_token WHERE subject = ?", ["user:" + name])
      return isKnown
    }
  }

  /// What a program uses instead of a password.
  public struct StoredToken: Sendable, Hashable {
    /// The part of the token that may be known.
    public let id: String
    public let name: String
    /// Of the secret.
    public let hash: String
    /// Patterns of repositories.
    public let repositories: [String]
    public let actions: [String]
    /// In seconds since 1970.
    public let createdAt: Int64
    /// In seconds since 1970; nil for never.
    public let expiresAt: Int64?

    public init(
      id: String, name: String, hash: String, repositories: [String], actions: [String], createdAt: Int64,
      expiresAt: Int64?
    ) {
      self.id = id
      self.name = name
      self.hash = hash
      self.repositories = repositories
      self.actions = actions
      self.createdAt = createdAt
      self.expiresAt = expiresAt
    }
  }

  public func token(id: String) throws(StorageError) -> StoredToken? {
    try reader().first(
      """
      SELECT id, name, hash, repositories, actions, created_at, expires_at FROM api_token WHERE id = ?1
      """, [.text(id)], StoredToken.init(row:))
  }

  public func token(named name: String) throws(StorageError) -> StoredToken? {
    try reader().first(
      """
      SELECT id, name, hash, repositories, actions, created_at, expires_at FROM api_token WHERE name = ?1
      """, [.text(name)], StoredToken.init(row:))
  }

  /// In the order of their names.
  public func tokens() throws(StorageError) -> [StoredToken] {
    var found: [StoredToken] = []
    try reader().query(
      """
      SELECT id, name, hash, repositories, actions, created_at, expires_at FROM api_token ORDER BY name
      """, []
    ) {
      found.append(StoredToken(row: $0))
      return true
    }
    return found
  }

  /// - Returns: false if there is one of that name.
  public func addToken(_ token: StoredToken) async throws -> Bool {
    try await write("add a token") { database in
      try database.run(
        """
        INSERT INTO api_token (id, name, hash, repositories, actions, created_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING
        """,
        [
          token.id, token.name, token.hash, token.repositories.joined(separator: "\n"),
          token.actions.joined(separator: "\n"), token.createdAt, token.expiresAt,
        ])
      return database.changesCount > 0
    }
  }

  /// - Parameter name: or the token's ID.
  /// - Returns: false if there is no such token.
  public func removeToken(_ name: String) async throws -> Bool {
    try await writeFreeingSpace("revoke a token") { database in
      try database.run("DELETE FROM api_token WHERE name = ?1 OR id = ?1", [name])
      return database.changesCount > 0
    }
  }

  /// A key that signs tokens of Docker's protocol.
  public struct TokenKey: Sendable, Hashable {
    /// In PEM.
    public let pem: String
    /// In seconds since 1970.
    public let createdAt: Int64

    public init(pem: String, createdAt: Int64) {
      self.pem = pem
      self.createdAt = createdAt
    }
  }

  /// The newest first.
  public func tokenKeys() throws(StorageError) -> [TokenKey] {
    var found: [TokenKey] = []
    try reader().query("SELECT pem, created_at FROM token_key ORDER BY id DESC", []) { row in
      found.append(TokenKey(pem: row.text(0), createdAt: row.integer(1)))
      return true
    }
    return found
  }

  /// - Parameter time: keys from before it go, in seconds since 1970.
  public func addTokenKey(_ key: TokenKey, forgettingThoseBefore time: Int64) async throws {
    try await write("keep a key for tokens") { database in
      try database.run("DELETE FROM token_key WHERE created_at < ?", [time])
      try database.run("INSERT INTO token_key (pem, created_at) VALUES (?, ?)", [key.pem, key.createdAt])
    }
  }

  /// What a refresh token stands for: `user:NAME`; nil if there is none, or its time is over.
  public func refreshTokenSubject(hash: String) throws(StorageError) -> String? {
    try reader().first(
      "SELECT subject FROM refresh_token WHERE hash = ?1 AND expires_at > ?2",
      [.text(hash), .integer(secondsSince1970())]
    ) { $0.text(0) }
  }

  /// Those whose time is over go.
  public func addRefreshToken(hash: String, subject: String, expiresAt: Int64) async throws {
    try await write("keep a refresh token") { database in
      try database.run("DELETE FROM refresh_token WHERE expires_at <= ?", [secondsSince1970()])
      try database.run(
        "INSERT INTO refresh_token (hash, subject, expires_at) VALUES (?, ?, ?)", [hash, subject, expiresAt])
    }
  }
}

extension MetadataStore.User {
  fileprivate init(row: borrowing Statement.Row) {
    self.init(
      name: row.text(0), passwordHash: row.text(1), groups: row.text(2).lines, createdAt: row.integer(3),
      changedAt: row.integer(4))
  }
}

extension MetadataStore.StoredToken {
  fileprivate init(row: borrowing Statement.Row) {
    self.init(
      id: row.text(0), name: row.text(1), hash: row.text(2), repositories: row.text(3).lines,
      actions: row.text(4).lines, createdAt: row.integer(5), expiresAt: row.isNull(6) ? nil : row.integer(6))
  }
}

extension String {
  fileprivate var lines: [String] { split(separator: "\n").map(String.init) }
}
