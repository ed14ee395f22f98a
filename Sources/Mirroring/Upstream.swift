import Access
import ContainerImage
import RegistryClient
import Trust

/// A registry whose content is given out here, and what the operator says of it.
public final class Upstream: Sendable {
  /// Its name is what clients say in `?ns=`.
  public let registry: RemoteRegistry
  /// Its repositories are here below this one.
  public let prefix: RepositoryName
  /// Repositories whose names mean this upstream although they are not below the prefix.
  public let bare: [RepositoryPattern]
  /// By the upstream's names.
  public let allow: [RepositoryPattern]
  public let deny: [RepositoryPattern]
  /// For so long a tag is not asked for again.
  public let ttl: Duration
  /// For so long a tag is given out that cannot be asked for.
  public let staleIfError: Duration
  /// For so long what is not there is not asked for again.
  public let notFoundTTL: Duration
  /// What nobody has pulled for so long goes; nil for never.
  public let keep: Duration?
  /// Bytes of all that came from there; nil for no limit.
  public let maximumSize: Int64?
  /// Tags that never go, by the upstream's names.
  public let pinned: [TagPattern]
  /// Whether signatures are fetched with an image that a trust policy is about.
  public let signatures: Bool

  public var namespace: String { registry.name }
  public var address: UpstreamAddress { registry.address }

  init(_ node: JSONNode) throws(InvalidValue) {
    let members = try node.members(
      RemoteRegistry.keys + [
        "namespace", "prefix", "bare", "allow", "deny", "ttl", "staleIfError", "notFoundTTL", "keep",
        "maximumSize", "pinned", "signatures",
      ])
    let namespace = try members.needed("namespace")
    registry = try RemoteRegistry(named: namespace, members)
    if let prefix = members["prefix"] {
      self.prefix = try prefix.parsed { text throws(InvalidValue) in try RepositoryName(parsing: text) }
    } else {
      guard let prefix = try? RepositoryName(parsing: registry.name) else {
        throw namespace.failure(
          "\(registry.name.quotedForMessage) can begin no name of a repository: say under which prefix its repositories are"
        )
      }
      self.prefix = prefix
    }
    bare = try members["bare"]?.repositoryPatterns() ?? []
    allow = try members["allow"]?.repositoryPatterns() ?? []
    deny = try members["deny"]?.repositoryPatterns() ?? []
    ttl = try members["ttl"]?.duration() ?? .seconds(300)
    staleIfError = try members["staleIfError"]?.duration() ?? .seconds(7 * 24 * 3600)
    notFoundTTL = try members["notFoundTTL"]?.duration() ?? .seconds(60)
    keep = try members["keep"]?.duration()
    maximumSize = try members["maximumSize"].map { node throws(InvalidValue) in
      try node.parsed { text throws(InvalidValue) in
        guard let size = ByteSize(parsing: text), size.bytes > 0 else {
          throw .malformed("\(text.quotedForMessage) is no size such as 100GiB")
        }
        return size.bytes
      }
    }
    pinned =
      try members["pinned"]?.list { text throws(InvalidValue) in try TagPattern(parsing: text) } ?? []
    signatures = try members["signatures"]?.bool() ?? true
  }

  /// Whether its content may be given out.
  /// - Parameter repository: by the upstream's name.
  func mirrors(_ repository: RepositoryName) -> Bool {
    (allow.isEmpty || allow.contains { $0.matches(repository) }) && !deny.contains { $0.matches(repository) }
  }
}
