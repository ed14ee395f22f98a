import ContainerImage
import NIOCore

/// A manifest to store, with what has to be known of it in the database.
public struct NewManifest: Sendable {
  public var digest: Digest
  public var manifest: Manifest
  public var content: ByteBuffer
  /// Tags that shall point to it.
  public var tags: [Tag]
  /// Those of them that stay where they are, if they are there.
  public var fixedTags: Set<Tag> = []
  /// What the repository may hold with it.
  public var limits: [StorageLimit] = []
  /// Whether it came from an upstream, and may go when nobody pulls it.
  public var isMirrored = false
  /// Whether blobs it refers to may be missing in the repository.
  public var allowsMissingBlobs: Bool
  /// Whether manifests it refers to may be missing in the repository.
  public var allowsMissingManifests: Bool

  public init(
    digest: Digest, manifest: Manifest, content: ByteBuffer, tags: [Tag],
    allowsMissingBlobs: Bool, allowsMissingManifests: Bool
  ) {
    self.digest = digest
    self.manifest = manifest
    self.content = content
    self.tags = tags
    self.allowsMissingBlobs = allowsMissingBlobs
    self.allowsMissingManifests = allowsMissingManifests
  }
}

/// A tag that is not to be moved or deleted means something already.
public struct FixedTag: Error, Sendable, Equatable {
  public let tag: Tag
  public let digest: Digest
}

/// What a manifest refers to and the repository lacks.
public struct MissingReferences: Error, Sendable, Equatable {
  public let digests: [Digest]
}
