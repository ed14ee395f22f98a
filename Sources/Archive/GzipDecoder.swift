import CArchive
import ImageTransfer

/// Decompresses gzip (RFC 1952) with zlib: every member's checksum and length are compared, members may follow
/// each other, and zeros may follow the last.
final class GzipDecoder: BlobReader {
  private let blocks: BlobBlocks
  private var stream = z_stream()
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  private var isBetweenMembers = false
  private var isAtEnd = false

  init(_ blocks: BlobBlocks) throws(ArchiveError) {
    self.blocks = blocks
    guard kontor_inflate_init(&stream) == Z_OK else {
      throw .failed(operation: "decompress gzip", reason: "no memory")
    }
  }

  deinit { inflateEnd(&stream) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !isAtEnd, !buffer.isEmpty else { return 0 }
    while true {
      if input.isEmpty {
        input = try blocks.nextBlock()
        if input.isEmpty {
          guard isBetweenMembers else {
            throw ArchiveError.damaged(entry: nil, reason: "the gzip stream is cut off")
          }
          isAtEnd = true
          return 0
        }
      }
      if isBetweenMembers, try !startNextMember() { continue }
      let produced = try inflateInput(into: buffer)
      if produced > 0 { return produced }
    }
  }

  private func inflateInput(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    // zlib does not write to its input; the pointer's type says less than that.
    stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(input.count)
    stream.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(clamping: buffer.count)
    let room = stream.avail_out
    let status = inflate(&stream, Z_NO_FLUSH)
    input = UnsafeRawBufferPointer(rebasing: input.suffix(Int(stream.avail_in)))
    switch status {
    case Z_STREAM_END: isBetweenMembers = true
    case Z_OK, Z_BUF_ERROR: break
    default:
      let reason = stream.msg.map { String(cString: $0) } ?? "status \(status)"
      throw .damaged(entry: nil, reason: "the gzip stream cannot be decompressed (\(reason))")
    }
    return Int(room - stream.avail_out)
  }

  /// - Returns: false if what is left of the input is padding.
  private func startNextMember() throws(ArchiveError) -> Bool {
    guard let start = input.firstIndex(where: { $0 != 0 }) else {
      input = UnsafeRawBufferPointer(start: nil, count: 0)
      return false
    }
    guard start == 0, input[0] == 0x1f else {
      throw .damaged(entry: nil, reason: "something else follows the gzip stream")
    }
    inflateReset(&stream)
    isBetweenMembers = false
    return true
  }
}
