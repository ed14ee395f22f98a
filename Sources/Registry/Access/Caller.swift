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
  /// What the grants say of repositories that were asked for.
  private let granted = Mutex<[RepositoryName: Set<AccessAction>]>([:])

  /// Of repositories whose grants are remembered; beyond, memory starts anew.
  private static let mostGranted = 256

  /// For registries without rules.
  public static let unrestricted = Caller(.anonymous, .everything, isUnrestricted: true)

  private init(
    _ identity: Identity, _ grants: Grants, isUnrestricted: Bool = false, scopes: [TokenScope]? = nil
  ) {
    self.identity = identity
    name = "\(identity)"
    self.grants = grants
    self.isUnrestricted = isUnrestricted
    self.scopes = scopes
  }

  convenience init(_ identity: Identity, rules: AccessRules) { self.init(identity, .rules(rules)) }

  convenience init(_ identity: Identity, in repositories: [RepositoryPattern], actions: Set<AccessAction>) {
    self.init(identity, .patterns(repositories, actions))
  }

  /// Whom another issuer vouches for: the scopes of its token are all that counts.
  convenience init(_ identity: Identity, vouchedFor scopes: [TokenScope]) {
    self.init(identity, .everything, scopes: scopes)
  }

  func limited(to scopes: [TokenScope]) -> Caller { Caller(identity, grants, scopes: scopes) }

  /// Whether it came with a token of Docker's protocol, and so can come again with another one.
  public var hasScopes: Bool { scopes != nil }

  public func may(_ action: AccessAction, in repository: RepositoryName) -> Bool {
    if let scopes, !scopes.contains(where: { $0.allows(action, in: repository) }) { return false }
    return isGranted(action, in: repository)
  }

  /// Whether it sees images that the trust policy holds back. Without rules, who may push is told by addresses alone.
  public func seesHeld(in repository: RepositoryName) -> Bool {
    !isUnrestricted && (may(.push, in: repository) || may(.sign, in: repository))
  }

  /// Whatever its token says: whether it could get one that allows it.
  public func isGranted(_ action: AccessAction, in repository: RepositoryName) -> Bool {
    if case .everything = grants { return true }
    if let known = granted.withLock({ $0[repository] }) { return known.contains(action) }
    let actions: Set<AccessAction> =
      switch grants {
      case .everything: []
      case .rules(let rules): rules.decision(for: identity, on: repository).actions
      case .patterns(let patterns, let actions):
        patterns.contains { $0.matches(repository) } ? actions : []
      }
    granted.withLock { granted in
      if granted.count >= Self.mostGranted { granted = [:] }
      granted[repository] = actions
    }
    return actions.contains(action)
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

  /// Whether it may know that a repository exists. A list of repositories is asked for with a token for none of them.
  public func maySee(_ repository: RepositoryName) -> Bool {
    if case .everything = grants, let scopes {
      return scopes.contains { $0.allows(.pull, in: repository) }
    }
    return isGranted(.pull, in: repository)
  }
}

extension TokenScope {
  func allows(_ action: AccessAction, in repository: RepositoryName) -> Bool {
    guard type == "repository", name.utf8.elementsEqual(repository.description.utf8) else { return false }
    if actions.contains("*") || actions.contains(action.rawValue) { return true }
    // Docker's clients know no word for signing, and ask for a push.
    return action == .sign && actions.contains("push")
  }
}
