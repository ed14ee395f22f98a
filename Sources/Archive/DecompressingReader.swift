import ImageTransfer

/// A blob's content without its compression, which is found by the blob's first bytes. Of blobs that are not
/// compressed it gives the bytes as they are.
///
/// Memory is bounded: beside buffers of 256 KiB the decoder's window, which is 32 KiB for gzip, 4 MiB for bzip2 and at
/// most 128 MiB for zstd and xz (a stream that asks for more is refused).
public final class DecompressingReader: BlobReader {
  public let compression: Compression
  private let blocks: BlobBlocks
  private let decoder: any BlobReader
  private let budget: UnpackBudget?
  private var isAtEnd = false

  /// Reads the blob's first bytes.
  /// - Parameter budget: for the uncompressed bytes; nil for a reader that counts them itself.
  /// - Throws: what the blob's reader throws.
  public init(_ reader: any BlobReader, within budget: UnpackBudget? = nil) throws {
    self.budget = budget
    blocks = BlobBlocks(reader)
    compression = Compression(detecting: try blocks.peek(Compression.signatureLength))
    decoder =
      switch compression {
      case .none: PlainDecoder(blocks)
      case .gzip: try GzipDecoder(blocks)
      case .xz: try XZDecoder(blocks)
      case .zstd, .bzip2: try FilterDecoder(blocks, compression)
      }
  }

  /// - Throws: `ArchiveError.damaged`, `.overLimit`, and what the blob's reader throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !isAtEnd, !buffer.isEmpty else { return 0 }
    let count = try decoder.read(into: buffer)
    try budget?.take(bytes: count)
    if count == 0 {
      isAtEnd = true
      // To the blob's very end, for it may be there that its reader says it was the wrong one.
      while try !blocks.nextBlock().isEmpty {}
    }
    return count
  }
}

private final class PlainDecoder: BlobReader {
  private let blocks: BlobBlocks
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)

  init(_ blocks: BlobBlocks) { self.blocks = blocks }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if rest.isEmpty { rest = try blocks.nextBlock() }
    return rest.moveBytes(into: buffer)
  }
}

extension UnsafeRawBufferPointer {
  /// Copies as much as there is room for, and keeps what comes after.
  mutating func moveBytes(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = Swift.min(self.count, buffer.count)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: self[..<count]))
    self = UnsafeRawBufferPointer(rebasing: self[count...])
    return count
  }
}
