import CArchive

/// Compresses a stream. The same content gives the same bytes: a gzip header has no time and no name.
///
/// `finish` must be called at the end; without it what was written is incomplete.
public final class CompressingWriter {
  private let sink: ByteSink
  private let handle: WriteHandle?
  private let gzip: GzipWriter?

  /// - Parameter level: as the format has it; nil for its usual one.
  /// - Throws: `ArchiveError.failed`
  public init(_ compression: Compression, level: Int? = nil, to sink: ByteSink) throws {
    self.sink = sink
    gzip = compression == .gzip ? try GzipWriter(level: level ?? 6, to: sink) : nil
    guard compression != .none, gzip == nil else {
      handle = nil
      return
    }
    let handle = try WriteHandle(sink)
    self.handle = handle
    let added =
      switch compression {
      case .none, .gzip: ARCHIVE_OK
      case .zstd: archive_write_add_filter_zstd(handle.archive)
      case .xz: archive_write_add_filter_xz(handle.archive)
      case .bzip2: archive_write_add_filter_bzip2(handle.archive)
      }
    try handle.check(added)
    if let level {
      try handle.check(
        archive_write_set_filter_option(handle.archive, compression.rawValue, "compression-level", "\(level)")
      )
    }
    try handle.check(archive_write_set_format_raw(handle.archive))
    try handle.open()
    let entry = archive_entry_new()
    defer { archive_entry_free(entry) }
    archive_entry_set_filetype(entry, 0o100000)
    try handle.check(archive_write_header(handle.archive, entry))
  }

  /// - Throws: `ArchiveError.failed`, and what the sink throws.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let gzip { return try gzip.write(bytes) }
    guard let handle else { return try sink.write(bytes) }
    var rest = bytes
    while !rest.isEmpty {
      let count = archive_write_data(handle.archive, rest.baseAddress, rest.count)
      guard count > 0 else { return try handle.check(ARCHIVE_FATAL) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// All bytes are with the sink when this returns.
  public func finish() throws {
    try gzip?.finish()
    try handle?.close()
  }
}
