import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#endif

/// A part of an open file as a response's body. The descriptor is closed, once, when the last copy of this value
/// is gone: after the last byte was sent, or when nobody will send it.
public struct FileBody: Sendable {
  /// Closes the descriptor at its end.
  private final class Owner: Sendable {
    let handle: NIOFileHandle

    init(_ descriptor: CInt) {
      handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
    }

    deinit { try? handle.close() }
  }

  private let owner: Owner
  /// Bytes from the file's start.
  public let offset: Int64
  /// Bytes.
  public let length: Int64

  /// - Parameter descriptor: owned by the body from now on.
  public init(owning descriptor: CInt, offset: Int64, length: Int64) {
    self.owner = Owner(descriptor)
    self.offset = offset
    self.length = length
  }

  /// A file that grows.
  /// - Parameter descriptor: stays its owner's.
  /// - Throws: `IOError` if there are too many open files.
  public init(duplicating descriptor: CInt) throws {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
    self.init(owning: copy, offset: 0, length: .max)
  }

  private init(_ owner: Owner, offset: Int64, length: Int64) {
    self.owner = owner
    self.offset = offset
    self.length = length
  }

  /// The bytes of `range`, counted from this part's start.
  public func part(_ range: Range<Int64>) -> FileBody {
    FileBody(owner, offset: offset + range.lowerBound, length: Int64(range.count))
  }

  /// For the kernel. Valid while this value lives.
  var region: FileRegion {
    FileRegion(fileHandle: owner.handle, readerIndex: Int(offset), endIndex: Int(offset + length))
  }

  /// Reads the part into memory, on a thread that may block.
  func read(with io: NonBlockingFileIO, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
    io.read(
      fileHandle: owner.handle, fromOffset: offset, byteCount: Int(length),
      allocator: ByteBufferAllocator(), eventLoop: eventLoop)
  }
}
