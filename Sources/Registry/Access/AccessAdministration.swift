import Access
import FoundationEssentials
import Storage

/// What operators do with users and API tokens, in the server or beside it.
public struct AccessAdministration: Sendable {
  public enum Command: Codable, Sendable {
    /// The hash is bcrypt's: passwords themselves go nowhere.
    case addUser(name: String, passwordHash: String, groups: [String])
    case setPassword(name: String, passwordHash: String)
    case removeUser(name: String)
    case listUsers
    /// The hash is that of the secret.
    case addToken(
      id: String, hash: String, name: String, repositories: [String], actions: [String], expiresAt: Int64?)
    case removeToken(name: String)
    case listTokens

    /// What it changes, for a log; nil for one that only looks.
    public var change: (name: String, subject: String)? {
      switch self {
      case .addUser(let name, _, _): ("user add", name)
      case .setPassword(let name, _): ("user passwd", name)
      case .removeUser(let name): ("user remove", name)
      case .addToken(_, _, let name, _, _, _): ("token create", name)
      case .removeToken(let name): ("token revoke", name)
      case .listUsers, .listTokens: nil
      }
    }
  }

  public enum Report: Sendable {
    case done(String)
    case users([MetadataStore.User])
    case tokens([MetadataStore.StoredToken])
  }

  /// Why a command cannot be done, in words for the operator.
  public enum Failure: Error, Sendable, CustomStringConvertible {
    case unknown(String)
    case exists(String)

    public var description: String {
      switch self {
      case .unknown(let what): "there is no \(what)"
      case .exists(let what): "there is a \(what) already"
      }
    }
  }

  private let store: ContentStore
  private let access: AccessControl?

  /// - Parameter access: of the server; what it remembers is out of date afterwards.
  public init(store: ContentStore, access: AccessControl?) {
    self.store = store
    self.access = access
  }

  /// - Throws: `Failure`, `StorageError`
  public func perform(_ command: Command) async throws -> Report {
    let metadata = store.metadata
    defer { access?.changed() }
    switch command {
    case .addUser(let name, let hash, let groups):
      guard try await metadata.addUser(name, passwordHash: hash, groups: groups) else {
        throw Failure.exists("user \(name)")
      }
      return .done("added the user \(name)")
    case .setPassword(let name, let hash):
      guard try await metadata.setPassword(hash, of: name) else { throw Failure.unknown("user \(name)") }
      return .done("changed the password of \(name)")
    case .removeUser(let name):
      guard try await metadata.removeUser(name) else { throw Failure.unknown("user \(name)") }
      return .done("removed the user \(name)")
    case .listUsers:
      return .users(try await store.blocking { try metadata.users() })
    case .addToken(let id, let hash, let name, let repositories, let actions, let expiresAt):
      let token = MetadataStore.StoredToken(
        id: id, name: name, hash: hash, repositories: repositories, actions: actions,
        createdAt: Int64(Date().timeIntervalSince1970), expiresAt: expiresAt)
      guard try await metadata.addToken(token) else { throw Failure.exists("token \(name)") }
      return .done("added the token \(name)")
    case .removeToken(let name):
      guard try await metadata.removeToken(name) else { throw Failure.unknown("token \(name)") }
      return .done("revoked the token \(name)")
    case .listTokens:
      return .tokens(try await store.blocking { try metadata.tokens() })
    }
  }
}
