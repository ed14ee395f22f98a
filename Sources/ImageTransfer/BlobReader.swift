/// A blob's bytes in their order, for one reader. What it gives is not verified: see `VerifyingReader`.
public protocol BlobReader: AnyObject {
  /// Blocks until there is something.
  /// - Returns: how many bytes were put at the buffer's start; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension BlobReader {
  /// Reads to the end, through one buffer.
  /// - Parameter body: gets the next bytes, which are valid until it returns.
  /// - Throws: what reading or `body` throws.
  public func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try read(into: buffer)
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

/// Bytes in memory, as a blob.
public final class MemoryReader: BlobReader {
  private let bytes: [UInt8]
  private var position: Int

  public init(_ bytes: [UInt8], from offset: Int64 = 0) {
    self.bytes = bytes
    position = min(Int(clamping: offset), bytes.count)
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - position)
    buffer.copyBytes(from: bytes[position..<(position + count)])
    position += count
    return count
  }
}
