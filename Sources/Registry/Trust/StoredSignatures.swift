import ContainerImage
import Storage
import Trust

/// The signatures in a repository of this registry. Blocks on the disk.
struct StoredSignatures: SignatureSource {
  let store: ContentStore
  let repository: RepositoryName

  func manifest(_ reference: ManifestReference) throws -> Manifest? {
    guard let record = try store.metadata.manifest(reference, in: repository) else { return nil }
    return try? record.parsed()
  }

  func referrers(of digest: Digest) throws -> [Descriptor] {
    try store.metadata.referrers(
      of: digest, in: repository, artifactType: nil, after: 0, limit: SignatureDiscovery.mostReferrers,
      byteLimit: 8 << 20
    ).descriptors
  }

  func blob(_ descriptor: Descriptor, atMost limit: Int) throws -> [UInt8]? {
    guard try store.metadata.blob(descriptor.digest, in: repository) != nil else { return nil }
    return try StoredBlobReader.contents(of: descriptor.digest, in: store.blobs, atMost: limit)
  }

  func simpleSignatures(of digest: Digest) throws -> [[UInt8]] {
    try store.metadata.signatures(of: digest, in: repository).map(\.content)
  }
}
