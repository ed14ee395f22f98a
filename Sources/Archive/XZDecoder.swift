import CArchive
import ImageTransfer

/// Decompresses xz with liblzma, which is told how much memory a stream may ask for.
final class XZDecoder: BlobReader {
  private let blocks: BlobBlocks
  private var stream = lzma_stream()
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  private var isInputAtEnd = false
  private var isAtEnd = false

  /// Bytes. `xz -9` needs 65 MiB to be decompressed.
  private static let memoryLimit: UInt64 = 128 << 20

  init(_ blocks: BlobBlocks) throws(ArchiveError) {
    self.blocks = blocks
    guard lzma_stream_decoder(&stream, Self.memoryLimit, kontor_xz_concatenated) == LZMA_OK else {
      throw .failed(operation: "decompress xz", reason: "no memory")
    }
  }

  deinit { lzma_end(&stream) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !isAtEnd, !buffer.isEmpty else { return 0 }
    while true {
      if input.isEmpty, !isInputAtEnd {
        input = try blocks.nextBlock()
        isInputAtEnd = input.isEmpty
      }
      let produced = try decodeInput(into: buffer)
      if produced > 0 || isAtEnd { return produced }
    }
  }

  private func decodeInput(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    stream.next_in = input.bindMemory(to: UInt8.self).baseAddress
    stream.avail_in = input.count
    stream.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = buffer.count
    let status = lzma_code(&stream, isInputAtEnd ? LZMA_FINISH : LZMA_RUN)
    input = UnsafeRawBufferPointer(rebasing: input.suffix(stream.avail_in))
    switch status {
    case LZMA_OK: break
    case LZMA_STREAM_END: isAtEnd = true
    case LZMA_BUF_ERROR: throw .damaged(entry: nil, reason: "the xz stream is cut off")
    case LZMA_MEMLIMIT_ERROR:
      throw .tooLarge(
        reason: "the xz stream needs \(lzma_memusage(&stream) >> 20) MiB of memory to be decompressed, and "
          + "\(Self.memoryLimit >> 20) MiB are allowed: compress it with xz -9 or less")
    default:
      throw .damaged(entry: nil, reason: "the xz stream cannot be decompressed (status \(status.rawValue))")
    }
    return buffer.count - stream.avail_out
  }
}
