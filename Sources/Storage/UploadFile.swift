import CStorage
import ContainerImage
import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The file of one upload session, with the running hash of what it holds. Every function blocks on the disk.
///
/// `@unchecked Sendable`: used by one task at a time, the one that holds the session's lock.
final class UploadFile: @unchecked Sendable {
  let path: String
  private(set) var size: Int64
  private var hasher: ContentHasher
  private let descriptor: CInt
  private var startedWriteBack: Int64
  private var hasDurableName = false
  private let writesBackEarly: Bool

  /// Content is handed to the disk in pieces of this many bytes while more arrives, so that the sync at the
  /// end has little left to wait for.
  private static let writeBackPiece: Int64 = 8 << 20

  /// Opens the file, or creates it, and hashes what it holds already.
  /// - Parameter writesBackEarly: false if what brings the content must not wait for the disk, and the sync at the end may.
  init(path: String, algorithm: DigestAlgorithm, writesBackEarly: Bool = true) throws(StorageError) {
    self.path = path
    self.writesBackEarly = writesBackEarly
    descriptor = try FileSystem.open(path, O_RDWR | O_CREAT, mode: 0o600)
    do throws(StorageError) {
      size = try FileSystem.size(of: descriptor)
      startedWriteBack = size
      hasher = try Self.hash(descriptor, size, algorithm)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Appends at the end. After an error the content is as long as it was before the call.
  func append(_ buffer: ByteBuffer) throws(StorageError) {
    try buffer.withUnsafeReadableBytes { bytes in
      Result { () throws(StorageError) in try append(bytes) }
    }.get()
  }

  /// Appends at the end. After an error the content is as long as it was before the call.
  func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    try write(bytes)
    hasher.update(bytes)
  }

  /// Appends pieces at the end, one after another, each of which another thread hashes while the next one comes. After an error the
  /// content is as long as it was before the piece that it came with.
  /// - Parameter body: has the next piece appended by giving what fills a buffer, and returns how many bytes at its start count.
  func append<Value>(
    filling body: (_ next: ((UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int) throws -> Value
  ) throws -> Value {
    let hashing = HashingRing(hasher)
    defer { hasher = hashing.finish() }
    return try body { fill in
      try hashing.append { buffer in
        let count = try fill(buffer)
        try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return count
      }
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    do throws(StorageError) {
      try FileSystem.write(bytes, to: descriptor, at: size)
    } catch {
      ftruncate(descriptor, off_t(size))
      throw error
    }
    size += Int64(bytes.count)
    if writesBackEarly, size - startedWriteBack >= Self.writeBackPiece {
      // Only a hint: an error here comes back from the sync that counts.
      _ = kontor_start_write_back(descriptor, startedWriteBack, size - startedWriteBack)
      startedWriteBack = size
    }
  }

  /// The digest of all content. By the running hash if that is of the algorithm asked for, else by reading
  /// the file once more.
  func digest(_ algorithm: DigestAlgorithm) throws(StorageError) -> Digest {
    if hasher.algorithm == algorithm { return hasher.digest() }
    return try Self.hash(descriptor, size, algorithm).digest()
  }

  /// All content is on disk when this returns.
  func sync() throws(StorageError) {
    try FileSystem.syncData(descriptor, "an upload")
  }

  /// All content and the file's name are on disk when this returns: the session can go on after a power cut.
  func syncWithName() throws(StorageError) {
    try sync()
    guard !hasDurableName else { return }
    try FileSystem.syncDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
    hasDurableName = true
  }

  func makeReadOnly() throws(StorageError) {
    if fchmod(descriptor, 0o444) != 0 { throw .system(errno, "make a blob read-only") }
  }

  func remove() throws(StorageError) {
    try FileSystem.remove(path)
  }

  static func hash(
    _ descriptor: CInt, _ size: Int64, _ algorithm: DigestAlgorithm
  ) throws(StorageError) -> ContentHasher {
    var hasher = ContentHasher(algorithm)
    var offset: Int64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while offset < size {
      let count = try FileSystem.read(into: buffer, from: descriptor, at: offset)
      if count == 0 { throw .failed(operation: "read an upload", reason: "the file became shorter") }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += Int64(count)
    }
    return hasher
  }
}
