import Access
import ContainerImage
import Synchronization

/// Who sends a request, and what that gives. It is the same object for all requests of whoever is remembered.
public final class Caller: Sendable {
  private enum Grants: Sendable {
    case everything
    case rules(AccessRules)
    /// What an API token was made for.
    case patterns([RepositoryPattern], Set<AccessAction>)
  }

  public let identity: Identity
  /// The identity, as logs name it: made once, for it is asked for with each request.
  public let name: String
  /// Whether nobody asked who it is.
  public let isUnrestricted: Bool
  private let grants: Grants
  /// What a token of Docker's protocol was issued for, which narrows the grants; nil if it came without such a token.
  private let scopes: [TokenScope]?
  /// When that ends by which it is known, in seconds since 1970; nil for what does not end by itself.
  let end: Int64?
  private let known = Mutex<[RepositoryName: Actions]>([:])

  private struct Actions {
    /// By the grants.
    let granted: Set<AccessAction>
    /// By the scopes as well.
    let allowed: Set<AccessAction>
  }

  /// Of repositories whose grants are remembered; beyond, memory starts anew.
  private static let mostKnown = 256

  /// For registries without rules.
  public static let unrestricted = Caller(.anonymous, .everything, isUnrestricted: true)

  private init(
    _ identity: Identity, _ grants: Grants, isUnrestricted: Bool = false, scopes: [TokenScope]? = nil,
    end: Int64? = nil
  ) {
    self.identity = identity
    name = "\(identity)"
    self.grants = grants
    self.isUnrestricted = isUnrestricted
    self.scopes = scopes
    self.end = end
  }

  /// - Parameter end: in seconds since 1970; nil for what does not end by itself.
  convenience init(_ identity: Identity, rules: AccessRules, until end: Int64? = nil) {
    self.init(identity, .rules(rules), end: end)
  }

  convenience init(
    _ identity: Identity, in repositories: [RepositoryPattern], actions: Set<AccessAction>, until end: Int64?
  ) {
    self.init(identity, .patterns(repositories, actions), end: end)
  }

  /// Whom another issuer vouches for: the scopes of its token are all that counts.
  convenience init(_ identity: Identity, vouchedFor scopes: [TokenScope]) {
    self.init(identity, .everything, scopes: scopes)
  }

  /// Whoever came with a token of this registry.
  /// - Parameter end: in seconds since 1970.
  func limited(to scopes: [TokenScope], until end: Int64) -> Caller {
    Caller(identity, grants, scopes: scopes, end: min(end, self.end ?? end))
  }

  /// Whether it came with a token of Docker's protocol, and so can come again with another one.
  public var hasScopes: Bool { scopes != nil }

  public func may(_ action: AccessAction, in repository: RepositoryName) -> Bool {
    isUnrestricted || actions(in: repository).allowed.contains(action)
  }

  /// Whether it sees images that the trust policy holds back. Without rules, who may push is told by addresses alone.
  public func seesHeld(in repository: RepositoryName) -> Bool {
    !isUnrestricted && (may(.push, in: repository) || may(.sign, in: repository))
  }

  /// Whatever its token says: whether it could get one that allows it.
  public func isGranted(_ action: AccessAction, in repository: RepositoryName) -> Bool {
    isUnrestricted || actions(in: repository).granted.contains(action)
  }

  private func actions(in repository: RepositoryName) -> Actions {
    if let known = known.withLock({ $0[repository] }) { return known }
    let granted: Set<AccessAction> =
      switch grants {
      case .everything: Set(AccessAction.allCases)
      case .rules(let rules): rules.decision(for: identity, on: repository).actions
      case .patterns(let patterns, let actions):
        patterns.contains { $0.matches(repository) } ? actions : []
      }
    let actions = Actions(
      granted: granted, allowed: scopes.map { granted.intersection($0.actions(on: repository)) } ?? granted)
    known.withLock { known in
      if known.count >= Self.mostKnown { known = [:] }
      known[repository] = actions
    }
    return actions
  }

  /// Whether it may look after the registry itself. A token of Docker's protocol is not for that.
  public var isAdmin: Bool {
    guard scopes == nil else { return false }
    return switch grants {
    case .everything: true
    case .rules(let rules): rules.isAdmin(identity)
    case .patterns(let patterns, let actions):
      actions.contains(.admin) && patterns.contains(where: \.matchesAll)
    }
  }

  /// Whether it may know that a repository exists. A list of repositories is asked for with a token for none of them, but whom
  /// another issuer vouches for, of him nothing else is known.
  public func maySee(_ repository: RepositoryName) -> Bool {
    if case .everything = grants { return may(.pull, in: repository) }
    return isGranted(.pull, in: repository)
  }
}
