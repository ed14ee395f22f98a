import ContainerImage
import RegistryClient
import Trust

/// Another registry, and how it is reached.
public struct RemoteRegistry: Sendable {
  /// Where its credentials are.
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

  /// As in references to images: `docker.io`.
  public let name: String
  public let address: UpstreamAddress
  public let credentials: CredentialSource
  /// PEM files.
  public let authorities: [String]
  public let proxy: String?
  /// Transfers at the same time.
  public let connections: Int
  /// Requests per second; nil for no limit.
  public let rate: Int?

  /// The members of a JSON object that say so, but for the name.
  package static let keys = ["url", "credentials", "authorities", "proxy", "connections", "rate"]

  private static let usualConnections = 8

  /// One that nothing more is said of.
  /// - Throws: `InvalidValue.malformed`
  package init(named name: String) throws(InvalidValue) {
    self.name = try ImageReference.registry(parsing: name[...])
    address = try Self.address(of: self.name)
    credentials = .none
    authorities = []
    proxy = nil
    connections = Self.usualConnections
    rate = nil
  }

  /// - Parameters:
  ///   - name: a text.
  ///   - members: of the object.
  /// - Throws: `InvalidValue.malformed`
  package init(named name: JSONNode, _ members: JSONNode.Members) throws(InvalidValue) {
    self.name = try name.parsed { text throws(InvalidValue) in
      try ImageReference.registry(parsing: text[...])
    }
    if let url = members["url"] {
      address = try url.parsed { text throws(InvalidValue) in try UpstreamAddress(parsing: text) }
    } else {
      address = try Self.address(of: self.name)
    }
    credentials =
      try members["credentials"].map { node throws(InvalidValue) in try Self.credentials(node) } ?? .none
    authorities = try members["authorities"].map { node throws(InvalidValue) in [try node.string()] } ?? []
    proxy = try members["proxy"].map { node throws(InvalidValue) in try node.string() }
    connections = try members["connections"]?.number(in: 1...256) ?? Self.usualConnections
    rate = try members["rate"]?.number(in: 1...100_000)
    if address.isExposed, credentials != .none {
      throw members.object.failure("\(address) has no TLS: its credentials would be sent unencrypted")
    }
  }

  private static func address(of name: String) throws(InvalidValue) -> UpstreamAddress {
    try UpstreamAddress(
      parsing: "https://\(name == ImageReference.dockerHub ? "registry-1.docker.io" : name)")
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
