import CArchive

#if canImport(Glibc)
  import Glibc
#endif

/// Where the files of an uncompressed tar archive are in it, by its headers alone: their data is not read, so that an archive of
/// any size is looked through at once.
public enum TarScan {
  /// Calls `body` with each regular file in one piece, and where in the archive its data begins. Links, sparse files and
  /// whatever else an archive can have are passed over.
  /// - Parameters:
  ///   - descriptor: of the archive's file, which is read by offset.
  ///   - limits: of the entries that it may have; bytes are not limited, as none are unpacked.
  /// - Throws: `ArchiveError.notAnArchive`, also for a compressed one, `.damaged` for one that is cut off, `.overLimit`, and what
  ///   `body` throws.
  public static func forEachFile(
    in descriptor: CInt, limits: UnpackLimits, _ body: (TarEntry, _ offset: Int64) throws -> Void
  ) throws {
    let handle = try ReadHandle(try FileBlocks(descriptor))
    let locale = UTF8Locale()
    let budget = UnpackBudget(limits)
    archive_read_support_format_tar(handle.archive)
    archive_read_support_format_empty(handle.archive)
    try handle.open()
    var last: RawPath?
    while true {
      let entry: TarEntry? = try locale.use {
        var header: OpaquePointer?
        let status = handle.withBudget(TarReader.headerLimit) {
          archive_read_next_header(handle.archive, &header)
        }
        try handle.check(status, entry: last)
        guard status != ARCHIVE_EOF, let header else { return nil }
        return try TarEntry(reading: header)
      }
      guard let entry else { return }
      try budget.takeEntry()
      // The header is behind libarchive, and nothing of the data.
      let offset = archive_filter_bytes(handle.archive, 0)
      try handle.check(archive_read_data_skip(handle.archive), entry: entry.path)
      if entry.kind == .file, entry.regions == nil { try body(entry, offset) }
      last = entry.path
    }
  }
}

/// A file in blocks, of which those that nobody wants are not read.
private final class FileBlocks: SkippableBlockSource {
  private let descriptor: CInt
  private let size: Int64
  private var position: Int64 = 0
  /// Little more than a header: most of the file is passed over.
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

  init(_ descriptor: CInt) throws(ArchiveError) {
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(errno, "read an archive") }
    size = Int64(status.st_size)
  }

  deinit { buffer.deallocate() }

  func nextBlock() throws -> UnsafeRawBufferPointer {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
      if count >= 0 {
        position += Int64(count)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
      }
      if errno != EINTR { throw ArchiveError.system(errno, "read an archive") }
    }
  }

  /// Not past the end: an archive that is cut off is to be seen as such.
  func skip(_ count: Int64) -> Int64 {
    let skipped = max(0, min(count, size - position))
    position += skipped
    return skipped
  }
}
