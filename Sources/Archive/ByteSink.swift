#if canImport(Glibc)
  import Glibc
#endif

/// Where written bytes go.
public struct ByteSink {
  private let body: (UnsafeRawBufferPointer) throws -> Void

  /// - Parameter write: takes all of the bytes, or throws.
  public init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) { body = write }

  /// Writes to an open file, which stays its owner's.
  public init(descriptor: CInt) {
    body = { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw ArchiveError.system(errno, "write an archive")
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws { try body(bytes) }
}
