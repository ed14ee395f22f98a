import ContainerImage
import ImageTransfer

/// An image in a registry, as a source: `docker://…`.
public struct RegistrySource: ImageSource {
  public let repository: RemoteRepository

  public init(_ repository: RemoteRepository) { self.repository = repository }

  public func root() throws -> ManifestDocument { try repository.manifest() }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    try repository.manifest(.digest(descriptor.digest))
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    try repository.blob(descriptor, from: offset)
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] { try repository.referrers(of: digest) }

  public var origin: (registry: String, repository: RepositoryName)? {
    (repository.reference.registry, repository.reference.repository)
  }
}
