import ContainerImage

/// A manifest or index with its exact bytes, which its digest is of.
public struct ManifestDocument: Sendable, Hashable {
  public let bytes: [UInt8]
  public let mediaType: MediaType
  public let digest: Digest

  /// - Parameters:
  ///   - mediaType: as whoever gave the bytes said; nil if only the document itself can tell.
  ///   - expected: the digest that the bytes must have; nil for whatever they have.
  /// - Throws: `TransferError.wrongContent`, `.notAnImage`
  public init(_ bytes: [UInt8], mediaType: MediaType?, expecting expected: Digest? = nil)
    throws(TransferError)
  {
    let actual = Digest(expected?.algorithm ?? .sha256, hashing: bytes)
    if let expected, actual != expected {
      throw .wrongContent(
        expected, reason: "its content has the digest \(actual) (\(bytes.count) bytes)")
    }
    self.bytes = bytes
    digest = actual
    self.mediaType = try Self.parse(bytes, mediaType).mediaType
  }

  /// What it says.
  /// - Throws: `TransferError.notAnImage`
  public func manifest() throws(TransferError) -> Manifest { try Self.parse(bytes, mediaType) }

  /// How others refer to it.
  public var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
  }

  private static func parse(_ bytes: [UInt8], _ type: MediaType?) throws(TransferError) -> Manifest {
    do {
      return try Manifest(parsing: bytes, contentType: type)
    } catch {
      throw .notAnImage("\(error)")
    }
  }
}
