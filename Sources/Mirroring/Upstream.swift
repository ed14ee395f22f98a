import Access
import ContainerImage
import RegistryClient
import Trust

/// A registry whose content is given out here, and what the operator says of it.
public final class Upstream: Sendable {
  /// Where an upstream's credentials are.
  public enum CredentialSource: Sendable, Equatable {
    case none
    /// A file like Docker's config.json.
    case file(String)
    /// A user name, and a file whose first line is the password.
    case passwordFile(user: String, path: String)
    /// Names of environment variables.
    case environment(user: String, password: String)
    /// The end of the name of a program `docker-credential-…`.
    case helper(String)
  }

  /// As in references to images: `docker.io`. It is what clients say in `?ns=`.
  public let namespace: String
  public let address: UpstreamAddress
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
  public let credentials: CredentialSource
  /// PEM files.
  public let authorities: [String]
  public let proxy: String?
  /// Transfers at the same time.
  public let connections: Int
  /// Requests per second; nil for no limit.
  public let rate: Int?
  /// What nobody has pulled for so long goes; nil for never.
  public let keep: Duration?
  /// Bytes of all that came from there; nil for no limit.
  public let maximumSize: Int64?
  /// Tags that never go, by the upstream's names.
  public let pinned: [TagPattern]
  /// Whether signatures are fetched with an image that a trust policy is about.
  public let signatures: Bool

  static let dockerHub = "docker.io"

  init(_ node: JSONNode) throws(InvalidValue) {
    let members = try node.members(
      "namespace", "url", "prefix", "bare", "allow", "deny", "ttl", "staleIfError", "notFoundTTL",
      "credentials",
      "authorities", "proxy", "connections", "rate", "keep", "maximumSize", "pinned", "signatures")
    let namespace = try members.needed("namespace")
    self.namespace = try namespace.parsed { text throws(InvalidValue) in
      try ImageReference.registry(parsing: text[...])
    }
    if let url = members["url"] {
      address = try url.parsed { text throws(InvalidValue) in try UpstreamAddress(parsing: text) }
    } else {
      let host = self.namespace == Self.dockerHub ? "registry-1.docker.io" : self.namespace
      address = try UpstreamAddress(parsing: "https://\(host)")
    }
    if let prefix = members["prefix"] {
      self.prefix = try prefix.parsed { text throws(InvalidValue) in try RepositoryName(parsing: text) }
    } else {
      guard let prefix = try? RepositoryName(parsing: self.namespace) else {
        throw namespace.failure(
          "\(self.namespace.quotedForMessage) can begin no name of a repository: say under which prefix its repositories are"
        )
      }
      self.prefix = prefix
    }
    bare = try Self.repositories(members["bare"])
    allow = try Self.repositories(members["allow"])
    deny = try Self.repositories(members["deny"])
    ttl = try Self.duration(members["ttl"]) ?? .seconds(300)
    staleIfError = try Self.duration(members["staleIfError"]) ?? .seconds(7 * 24 * 3600)
    notFoundTTL = try Self.duration(members["notFoundTTL"]) ?? .seconds(60)
    credentials =
      try members["credentials"].map { node throws(InvalidValue) in try Self.credentials(node) } ?? .none
    var authorities: [String] = []
    if let node = members["authorities"] { authorities = [try node.string()] }
    self.authorities = authorities
    proxy = try members["proxy"].map { node throws(InvalidValue) in try node.string() }
    connections = try Self.number(members["connections"], 1...256) ?? 8
    rate = try Self.number(members["rate"], 1...100_000)
    keep = try Self.duration(members["keep"])
    maximumSize = try members["maximumSize"].map { node throws(InvalidValue) in
      try node.parsed { text throws(InvalidValue) in
        guard let size = ByteSize(parsing: text), size.bytes > 0 else {
          throw .malformed("\(text.quotedForMessage) is no size such as 100GiB")
        }
        return size.bytes
      }
    }
    var pinned: [TagPattern] = []
    for element in try members["pinned"]?.list() ?? [] {
      pinned.append(try element.parsed { text throws(InvalidValue) in try TagPattern(parsing: text) })
    }
    self.pinned = pinned
    switch members["signatures"]?.value {
    case nil, .literal("true"): signatures = true
    case .literal("false"): signatures = false
    default: throw members["signatures"]?.failure("expected true or false") ?? node.failure("signatures")
    }
    if address.isExposed, credentials != .none {
      throw node.failure("\(address) has no TLS: its credentials would be sent unencrypted")
    }
  }

  /// Whether its content may be given out.
  /// - Parameter repository: by the upstream's name.
  func mirrors(_ repository: RepositoryName) -> Bool {
    (allow.isEmpty || allow.contains { $0.matches(repository) }) && !deny.contains { $0.matches(repository) }
  }

  private static func repositories(_ node: JSONNode?) throws(InvalidValue) -> [RepositoryPattern] {
    var patterns: [RepositoryPattern] = []
    for element in try node?.list() ?? [] {
      patterns.append(
        try element.parsed { text throws(InvalidValue) in try RepositoryPattern(parsing: text) })
    }
    return patterns
  }

  private static func duration(_ node: JSONNode?) throws(InvalidValue) -> Duration? {
    try node.map { node throws(InvalidValue) in
      try node.parsed { text throws(InvalidValue) in
        guard let duration = Duration(parsing: text) else {
          throw .malformed("\(text.quotedForMessage) is no duration such as 30s, 5m or 7d")
        }
        return duration
      }
    }
  }

  private static func number(_ node: JSONNode?, _ range: ClosedRange<Int>) throws(InvalidValue) -> Int? {
    guard let node else { return nil }
    guard case .literal(let text) = node.value, let number = Int(text), range.contains(number) else {
      throw node.failure("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private static func credentials(_ node: JSONNode) throws(InvalidValue) -> CredentialSource {
    let members = try node.members(
      "user", "passwordFile", "userVariable", "passwordVariable", "file", "helper")
    func text(_ name: String) throws(InvalidValue) -> String? {
      try members[name].map { node throws(InvalidValue) in try node.string() }
    }
    switch (
      try text("user"), try text("passwordFile"), try text("userVariable"), try text("passwordVariable"),
      try text("file"), try text("helper")
    ) {
    case (let user?, let path?, nil, nil, nil, nil): return .passwordFile(user: user, path: path)
    case (nil, nil, let user?, let password?, nil, nil): return .environment(user: user, password: password)
    case (nil, nil, nil, nil, let path?, nil): return .file(path)
    case (nil, nil, nil, nil, nil, let helper?): return .helper(helper)
    default:
      throw node.failure(
        "expected user and passwordFile, or userVariable and passwordVariable, or file, or helper")
    }
  }
}
