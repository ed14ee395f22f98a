import ContainerImage
import Storage

/// How far an upload session is.
public struct UploadStatus: Sendable, Equatable {
  public let repository: RepositoryName
  public let id: UploadID
  /// Bytes received so far.
  public let size: Int64
}
