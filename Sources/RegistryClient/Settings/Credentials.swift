import ContainerImage

/// What a client shows to a registry, or to the token service that the registry names.
public enum Credentials: Sendable, Hashable {
  /// Nothing is known.
  case anonymous
  case password(username: String, password: Secret)
  /// A refresh token of OAuth 2: to be exchanged at the token service, never sent to the registry itself.
  case identityToken(Secret)
}

/// For what credentials are looked up.
public struct CredentialScope: Sendable, Hashable {
  /// As in references: `docker.io`, `registry.example:5000`.
  public let registry: String
  /// Credentials may be for a part of a registry; nil looks only for those of the whole.
  public let repository: RepositoryName?

  public init(registry: String, repository: RepositoryName? = nil) {
    self.registry = registry
    self.repository = repository
  }
}

/// Where credentials are.
public enum CredentialPlace: Sendable, Hashable, CustomStringConvertible {
  case file(String)
  /// A program that the file, which may be a `registries.conf`, names.
  case helper(name: String)

  public var description: String {
    switch self {
    case .file(let path): path
    case .helper(let name): "the credential helper docker-credential-\(name)"
    }
  }
}
