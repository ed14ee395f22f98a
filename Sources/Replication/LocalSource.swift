import ContainerImage
import ImageTransfer
import Registry
import Storage

/// An image of this registry, as a source.
struct LocalSource: ImageSource {
  let registry: Registry
  let repository: RepositoryName
  let image: Digest

  private static let referrersAtOnce = 1000

  var rootDigest: Digest? { image }

  func root() throws -> ManifestDocument { try manifest(image) }

  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try manifest(descriptor.digest) }

  private func manifest(_ digest: Digest) throws -> ManifestDocument {
    try translating { try registry.manifest(.digest(digest), in: repository).document() }
  }

  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    try translating {
      guard let blob = try registry.blob(descriptor.digest, in: repository) else {
        throw TransferError.notFound("\(repository) has no blob \(descriptor.digest)")
      }
      return StoredBlobReader(blob, from: offset)
    }
  }

  func referrers(of digest: Digest) throws -> [Descriptor] {
    var found: [Descriptor] = []
    var position: Int64? = 0
    while let start = position {
      let page = try waiting { [registry, repository] in
        try await registry.referrers(
          of: digest, in: repository, artifactType: nil, after: start, limit: Self.referrersAtOnce)
      }
      found += page.descriptors
      position = page.next
    }
    return found
  }
}

extension ManifestRecord {
  /// - Throws: `TransferError`
  func document() throws -> ManifestDocument {
    try ManifestDocument(Array(content.readableBytesView), mediaType: mediaType, expecting: digest)
  }
}
