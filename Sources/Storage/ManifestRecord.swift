import ContainerImage
import NIOCore

/// A manifest as stored: its bytes exactly as pushed.
public struct ManifestRecord: Sendable {
  public let digest: Digest
  public let mediaType: MediaType
  public let content: ByteBuffer

  public init(digest: Digest, mediaType: MediaType, content: ByteBuffer) {
    self.digest = digest
    self.mediaType = mediaType
    self.content = content
  }

  /// - Throws: `InvalidValue` for one that other rules let in than those of now.
  public func parsed() throws(InvalidValue) -> Manifest {
    try Manifest(parsing: Array(content.readableBytesView), contentType: mediaType)
  }
}
