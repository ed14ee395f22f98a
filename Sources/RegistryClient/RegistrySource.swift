import ContainerImage
import ImageTransfer

/// An image in a registry, as a source: `docker://…`.
public struct RegistrySource: ImageSource {
  public let repository: RemoteRepository
  public let rootDigest: Digest?

  /// - Parameter root: which manifest is meant, whatever the registry says that the tag means.
  public init(_ repository: RemoteRepository, root: Digest? = nil) {
    self.repository = repository
    rootDigest = root
  }

  public func root() throws -> ManifestDocument {
    try repository.manifest(rootDigest.map(ManifestReference.digest))
  }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    try repository.manifest(.digest(descriptor.digest))
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    try repository.blob(descriptor, from: offset)
  }

  public func has(_ blob: Descriptor) throws -> Bool { try repository.has(blob) }

  public func referrers(of digest: Digest) throws -> [Descriptor] { try repository.referrers(of: digest) }

  public func origins(of blob: Descriptor) -> [QualifiedRepository] {
    [QualifiedRepository(of: repository.reference)]
  }
}
