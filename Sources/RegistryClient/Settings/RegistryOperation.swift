import ContainerImage

/// What a registry is asked for; the settings can say that one serves some of it only.
public enum RegistryOperation: Sendable, Hashable {
  /// The manifest that a tag means, and what it refers to.
  case pullByTag
  /// Content whose digest is known, which needs no trust in the registry.
  case pullByDigest
  case push

  /// How a reference is pulled.
  public static func pull(_ reference: ImageReference) -> RegistryOperation {
    reference.digest == nil ? .pullByTag : .pullByDigest
  }
}
