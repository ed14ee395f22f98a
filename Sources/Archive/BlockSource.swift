import ImageTransfer

/// A stream in blocks that its owner keeps, so that they need not be copied.
protocol BlockSource: AnyObject {
  /// - Returns: the next bytes, valid until the next call; empty only at the end.
  func nextBlock() throws -> UnsafeRawBufferPointer
}

/// A stream of which parts can be passed over without being read.
protocol SkippableBlockSource: BlockSource {
  /// - Returns: how many bytes were passed over: all of them but at the end.
  func skip(_ count: Int64) -> Int64
}

/// The blocks of a blob, of at most 256 KiB.
final class BlobBlocks: BlockSource {
  private let reader: any BlobReader
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
  /// How many bytes were read ahead to be looked at, and not given yet.
  private var peeked = 0

  init(_ reader: any BlobReader) { self.reader = reader }

  deinit { buffer.deallocate() }

  /// The first bytes of the next block: `count` of them unless the stream ends before.
  func peek(_ count: Int) throws -> UnsafeRawBufferPointer {
    while peeked < count {
      let read = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[peeked...]))
      if read == 0 { break }
      peeked += read
    }
    return UnsafeRawBufferPointer(rebasing: buffer[..<min(count, peeked)])
  }

  func nextBlock() throws -> UnsafeRawBufferPointer {
    let count = peeked > 0 ? peeked : try reader.read(into: buffer)
    peeked = 0
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }
}
