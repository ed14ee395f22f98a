import ContainerImage

/// What an upstream said a tag means.
public struct MirroredTag: Sendable, Equatable {
  public let repository: RepositoryName
  public let tag: Tag
  /// Of whom it was asked.
  public let upstream: String
  public let digest: Digest
  /// When that was said last, in seconds since 1970.
  public let checkedAt: Int64

  public init(
    repository: RepositoryName, tag: Tag, upstream: String, digest: Digest, checkedAt: Int64
  ) {
    self.repository = repository
    self.tag = tag
    self.upstream = upstream
    self.digest = digest
    self.checkedAt = checkedAt
  }
}

/// A manifest that came from an upstream, and may go.
public struct MirroredManifest: Sendable, Equatable {
  public let repository: RepositoryName
  public let digest: Digest
  /// When somebody asked for it last, in seconds since 1970.
  public let pulledAt: Int64
}
