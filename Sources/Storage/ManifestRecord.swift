import ContainerImage
import NIOCore

/// A manifest as stored: its bytes exactly as pushed.
public struct ManifestRecord: Sendable {
  public let digest: Digest
  public let mediaType: MediaType
  public let content: ByteBuffer
}
