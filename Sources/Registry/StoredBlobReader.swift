import ContainerImage
import ImageTransfer
import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// Reads a stored blob, or what is becoming one; it stays readable when it is removed meanwhile. Blocks on
/// the disk.
public final class StoredBlobReader: BlobReader {
  private let descriptor: CInt
  private let name: String

  /// - Throws: `StorageError`
  init(_ digest: Digest, in blobs: BlobStore) throws(StorageError) {
    name = "the blob \(digest)"
    guard let descriptor = try blobs.open(digest) else {
      throw .failed(operation: "read \(name)", reason: "it is not there")
    }
    self.descriptor = descriptor
  }

  /// - Parameter path: of an upload's file.
  /// - Throws: `StorageError`
  init(upload path: String) throws(StorageError) {
    name = "an upload"
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .failed(operation: "read an upload", reason: String(cString: strerror(errno)))
    }
  }

  /// - Parameters:
  ///   - blob: whose descriptor this owns from now on.
  ///   - offset: of the first byte to read.
  public init(_ blob: StoredBlob, from offset: Int64) {
    name = "the blob \(blob.digest)"
    descriptor = blob.descriptor
    lseek(descriptor, off_t(offset), SEEK_SET)
  }

  deinit { close(descriptor) }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      guard errno == EINTR else {
        throw StorageError.failed(operation: "read \(name)", reason: String(cString: strerror(errno)))
      }
    }
  }

  /// A small blob as a whole.
  /// - Returns: nil if it has more bytes than the limit.
  static func contents(of digest: Digest, in blobs: BlobStore, atMost limit: Int) throws -> [UInt8]? {
    var bytes: [UInt8] = []
    try StoredBlobReader(digest, in: blobs).forEachPiece { piece in
      if bytes.count <= limit { bytes += piece }
    }
    return bytes.count > limit ? nil : bytes
  }
}
