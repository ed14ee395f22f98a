import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// Writes a blob of a layout, whose digest may be known only when all of it is there. Nothing of it stays unless
/// `finish` is called.
final class LayoutBlobWriter {
  private let layout: OCILayout
  private let temporary: String
  private let descriptor: CInt
  private var hasher: ContentHasher
  private var size: Int64 = 0
  private var isFinished = false

  /// - Throws: `TransferError`
  init(_ layout: OCILayout, _ algorithm: DigestAlgorithm = .sha256) throws(TransferError) {
    self.layout = layout
    hasher = ContentHasher(algorithm)
    let directory = "\(layout.path)/blobs/\(algorithm.rawValue)"
    try LocalFile.makeDirectories(directory)
    temporary = "\(directory)/.incomplete"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw LocalFile.failure("write \(temporary)") }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if !isFinished { unlink(temporary) }
  }

  /// - Throws: `TransferError`
  func write(_ bytes: UnsafeRawBufferPointer) throws(TransferError) {
    hasher.update(bytes)
    try LocalFile.write(bytes, to: descriptor, at: size)
    size += Int64(bytes.count)
  }

  /// Writes all that a reader gives.
  /// - Parameter check: throws when the user stops it.
  /// - Throws: `TransferError`, and what the reader throws.
  func write(_ reader: any BlobReader, check: () throws -> Void) throws {
    try reader.forEachPiece { piece in
      try check()
      try write(piece)
    }
  }

  /// Gives the blob its name.
  /// - Parameter expected: the digest that it must have; nil for whatever it has.
  /// - Throws: `TransferError.wrongContent` if it has another one.
  func finish(_ mediaType: MediaType, expecting expected: Digest? = nil) throws(TransferError) -> Descriptor {
    let digest = hasher.digest()
    if let expected, digest != expected {
      throw .wrongContent(expected, reason: "its content has the digest \(digest)")
    }
    guard rename(temporary, layout.blobPath(digest)) == 0 else {
      throw LocalFile.failure("write \(layout.blobPath(digest))")
    }
    isFinished = true
    return Descriptor(mediaType: mediaType, digest: digest, size: size)
  }
}

extension BlobReader {
  /// The whole, in memory.
  /// - Throws: `TransferError.notAnImage` if it has more bytes than `limit`.
  func contents(atMost limit: Int, of name: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try forEachPiece { piece in
      guard bytes.count + piece.count <= limit else {
        throw TransferError.notAnImage("\(name) has more than \(limit) bytes")
      }
      bytes += piece
    }
    return bytes
  }
}

extension OCILayout {
  /// Writes a blob that is in memory.
  /// - Throws: `TransferError`
  func write(_ bytes: [UInt8], as mediaType: MediaType) throws -> Descriptor {
    let writer = try LayoutBlobWriter(self)
    try bytes.withUnsafeBytes { try writer.write($0) }
    return try writer.finish(mediaType)
  }
}
