import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// A file that is open for as long as somebody reads it.
final class OpenFile: Sendable {
  let path: String
  let descriptor: CInt

  /// - Throws: `TransferError.notFound`, `.denied`, `.failed` also for what is no regular file.
  init(reading path: String) throws(TransferError) {
    self.path = path
    // A pipe is not to be waited for.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw .notFound("there is no file \(path)") }
      throw LocalFile.failure("read \(path)")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw LocalFile.failure("look at \(path)") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .failed("\(path) is no regular file: an archive is read from several places at once")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// - Returns: how many bytes were read; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(TransferError) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      if errno != EINTR { throw LocalFile.failure("read \(path)") }
    }
  }
}

/// A part of a file.
struct Extent: Sendable, Hashable {
  /// Bytes from the file's beginning.
  let offset: Int64
  /// Bytes.
  let size: Int64
}

/// Reads a blob in place. Read from its beginning it is verified before the last bytes are given, so that nobody gets all of
/// one that is wrong, whether or not he looks for the end.
final class ArchivedBlobReader: BlobReader {
  private let file: OpenFile
  private let extent: Extent
  private let digest: Digest
  private var position: Int64
  private var hasher: ContentHasher?

  /// - Parameter offset: in the blob.
  init(_ file: OpenFile, _ extent: Extent, _ digest: Digest, from offset: Int64) {
    self.file = file
    self.extent = extent
    self.digest = digest
    position = min(max(0, offset), extent.size)
    hasher = offset == 0 ? ContentHasher(digest.algorithm) : nil
  }

  /// - Throws: `TransferError.wrongContent`, `.failed`
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let left = extent.size - position
    guard left > 0 || hasher != nil else { return 0 }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), left))])
    let count = room.isEmpty ? 0 : try file.read(into: room, at: extent.offset + position)
    guard count > 0 || left == 0 || buffer.isEmpty else {
      throw TransferError.wrongContent(digest, reason: "\(file.path) ends \(left) bytes too early")
    }
    hasher?.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
    position += Int64(count)
    if position == extent.size, let hasher {
      self.hasher = nil
      let actual = hasher.digest()
      guard actual == digest else {
        throw TransferError.wrongContent(
          digest, reason: "in \(file.path), its content has the digest \(actual)")
      }
    }
    return count
  }
}
