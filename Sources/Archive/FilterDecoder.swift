import CArchive
import ImageTransfer

/// Decompresses zstd and bzip2 with libarchive's filters.
final class FilterDecoder: BlobReader {
  private let handle: ReadHandle
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
  private var isAtEnd = false

  init(_ blocks: BlobBlocks, _ compression: Compression) throws {
    handle = try ReadHandle(blocks)
    archive_read_support_format_raw(handle.archive)
    // For content that is empty: raw takes at least a byte.
    archive_read_support_format_empty(handle.archive)
    // Exactly this filter, once: bidding would decompress what looks compressed again.
    try handle.check(
      archive_read_append_filter(
        handle.archive, compression == .zstd ? ARCHIVE_FILTER_ZSTD : ARCHIVE_FILTER_BZIP2), entry: nil)
    try handle.open()
    var entry: OpaquePointer?
    let status = archive_read_next_header(handle.archive, &entry)
    try handle.check(status, entry: nil)
    isAtEnd = status == ARCHIVE_EOF
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while rest.isEmpty, !isAtEnd {
      var start: UnsafeRawPointer?
      var count = 0
      var offset: la_int64_t = 0
      let status = archive_read_data_block(handle.archive, &start, &count, &offset)
      try handle.check(status, entry: nil)
      isAtEnd = status == ARCHIVE_EOF
      rest = UnsafeRawBufferPointer(start: start, count: isAtEnd ? 0 : count)
    }
    return rest.moveBytes(into: buffer)
  }
}
