import ContainerImage
import ImageTransfer

/// An image in a registry, as a destination: `docker://…`. What came before an interruption stays there, and need not be
/// sent again.
public struct RegistryDestination: ImageDestination {
  public let repository: RemoteRepository

  public init(_ repository: RemoteRepository) { self.repository = repository }

  public var takesIndexes: Bool { true }
  public var needsAllBlobs: Bool { false }
  /// A registry takes a manifest only with its blobs (distribution-spec, section "Pushing Manifests").
  public var mayLackBlobs: Bool { false }

  public func manifest(_ digest: Digest) throws -> ManifestDocument? {
    let found: ManifestDocument
    do {
      found = try repository.manifest(.digest(digest))
    } catch TransferError.notFound {
      return nil
    }
    // Where a tag stands for the API, what is not listed there is not found: it has to be put there again.
    guard let subject = try found.manifest().subject?.digest,
      try repository.listedReferrers(of: subject) == nil
    else { return found }
    return try repository.fallbackReferrers(of: subject).contains { $0.digest == digest } ? found : nil
  }

  public func has(_ blob: Descriptor) throws -> Bool { try repository.has(blob) }

  public func put(_ blob: Descriptor, from source: BlobContent) throws { try repository.put(source) }

  public func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    let reference = repository.reference
    var target = ManifestReference.digest(manifest.digest)
    if isRoot {
      if let digest = reference.digest, digest != manifest.digest {
        throw TransferError.failed(
          "the image has the digest \(manifest.digest), not \(digest): leave the digest out of the destination"
        )
      }
      // By its digest alone only if the user said so: without a tag and a digest it is `latest`.
      if let tag = reference.tag ?? (reference.digest == nil ? .latest : nil) { target = .tag(tag) }
    }
    let keepsReferrers = try repository.put(manifest, as: target)
    let parsed = try manifest.manifest()
    if let subject = parsed.subject, !keepsReferrers {
      try addToFallback(manifest, parsed, subject: subject.digest)
    }
  }

  public func finish() throws {}

  public func abandon() {}

  /// Lists a referrer under the tag that stands for the referrers API where a registry has none (distribution-spec,
  /// section "Pushing Manifests with Subject").
  private func addToFallback(_ document: ManifestDocument, _ manifest: Manifest, subject: Digest) throws {
    let tag = ManifestReference.tag(Tag(listingReferrersOf: subject))
    var listed: [Descriptor] = []
    do {
      listed = try repository.manifest(tag).manifest().manifests
    } catch TransferError.notFound {}
    guard !listed.contains(where: { $0.digest == document.digest }) else { return }
    var descriptor = document.descriptor
    descriptor.artifactType = manifest.artifactType
    if !manifest.annotations.isEmpty { descriptor.annotations = manifest.annotations }
    let index = try ImageIndex(manifests: listed + [descriptor]).bytes
    try repository.put(try ManifestDocument(index, mediaType: .ociImageIndex), as: tag)
  }
}
