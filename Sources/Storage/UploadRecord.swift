import ContainerImage

/// An upload session as the database has it.
public struct UploadRecord: Sendable, Equatable {
  public let id: UploadID
  public let repository: RepositoryName
  public let algorithm: DigestAlgorithm
  /// Seconds since 1970.
  public let startedAt: Int64
}
