import ContainerImage

/// One server to ask for an image, and how.
public struct RegistryEndpoint: Sendable, Hashable {
  public enum Scheme: String, Sendable {
    case http, https

    public var port: UInt16 { self == .https ? 443 : 80 }
  }

  /// A line of each request's head. Its value may authorize.
  public struct Header: Sendable, Hashable {
    public let name: String
    public let value: Secret

    public init(name: String, value: Secret) {
      self.name = name
      self.value = value
    }
  }

  public var scheme: Scheme
  public var host: RegistryHost
  /// The path before `/<repository>/manifests/…`, without a slash at its end: `/v2`, or what `hosts.toml` says.
  public var apiPath = "/v2"
  /// The image's name at this server: the repository to ask for, and the tag or digest. Its registry is this server's
  /// name, which for Docker Hub is not its host.
  public var reference: ImageReference
  /// To be added to each request as the parameter `ns`: the registry whose images this server, a mirror that
  /// `hosts.toml` names, is to give.
  public var namespace: String?
  public var certificates = RegistryCertificates()
  /// Whether any certificate of the server will do.
  public var skipsVerification = false
  /// Whether to ask over plain HTTP, at the same port or else at port 80, when the server does not speak TLS. Never
  /// because its certificate is not trusted.
  public var fallsBackToHTTP = false
  public var headers: [Header] = []
  /// What to look credentials up for; nil if none may go there. Never the credentials of the name that the user gave
  /// when this is another registry.
  public var credentialScope: CredentialScope?
  /// Whether the content may lag behind, or may be missing, and the next endpoint has it.
  public var isMirror = false

  public init(scheme: Scheme, host: RegistryHost, reference: ImageReference) {
    self.scheme = scheme
    self.host = host
    self.reference = reference
    credentialScope = CredentialScope(registry: reference.registry, repository: reference.repository)
  }

  /// `https://registry.example:5000/v2`
  public var apiURL: String { "\(scheme.rawValue)://\(host)\(apiPath)" }

  /// The port that a connection goes to.
  public var port: UInt16 { host.port ?? scheme.port }
}
