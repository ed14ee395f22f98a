import ContainerImage

/// Where an OCI or Docker image comes from, as an App Container Image made of it says.
public struct ImageOrigin: Sendable, Hashable {
  /// What the new image is named.
  public var name: ACIdentifier
  /// The label `version`; nil for none.
  public var version: String?
  /// As the user wrote it.
  public var originalName: String?
  public var registry: String?
  public var repository: String?
  /// Of the config.
  public var imageID: Digest?
  public var manifest: Digest?

  public init(name: ACIdentifier, version: String? = nil) {
    self.name = name
    self.version = version
  }

  /// As docker2aci names an image of a registry: `registry/repository`, with `registry-1.docker.io` for Docker Hub, and the
  /// tag as its version: `latest` if the reference has neither tag nor digest.
  /// - Throws: `AppContainerError.notConvertible` if no name can be made of the reference.
  public init(_ reference: ImageReference, originalName: String) throws(AppContainerError) {
    let registry =
      reference.registry == ImageReference.dockerHub ? "registry-1.docker.io" : reference.registry
    let repository = reference.repository.description
    guard let name = ACIdentifier(sanitizing: "\(registry)/\(repository)") else {
      throw .notConvertible(reason: "no AC identifier can be made of \(originalName.quotedForMessage)")
    }
    self.init(name: name, version: reference.tag?.description ?? (reference.digest == nil ? "latest" : nil))
    self.originalName = originalName
    self.registry = registry
    self.repository = repository
  }
}
