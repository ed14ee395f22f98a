/// A blob's bytes in their order, for one reader. What it gives is not verified: see `VerifyingReader`.
public protocol BlobReader: AnyObject {
  /// Blocks until there is something.
  /// - Returns: how many bytes were put at the buffer's start; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
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
