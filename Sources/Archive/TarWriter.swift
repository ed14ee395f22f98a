import CArchive

#if canImport(Glibc)
  import Glibc
#endif

/// Writes a PAX tar archive. The same entries and data give the same bytes: nothing is written but what the entries
/// say, and extended attributes are sorted.
///
/// `finish` must be called at the end; without it what was written is incomplete.
public final class TarWriter {
  private let handle: WriteHandle
  private let compressor: CompressingWriter
  private let locale = UTF8Locale()
  /// What the current entry's header promises and has not come yet.
  private var missing: Int64 = 0
  private var currentPath = RawPath("")
  /// What stands for holes: libarchive takes the bytes of a sparse file's holes and leaves them out.
  private static let hole = [UInt8](repeating: 0, count: 256 << 10)

  /// - Throws: `ArchiveError.failed`
  public init(to sink: ByteSink, compression: Compression = .none, level: Int? = nil) throws {
    let compressor = try CompressingWriter(compression, level: level, to: sink)
    self.compressor = compressor
    handle = try Self.open(ByteSink { try compressor.write($0) })
  }

  private static func open(_ sink: ByteSink) throws -> WriteHandle {
    let handle = try WriteHandle(sink)
    // Not "restricted", which leaves out a second's fractions where nothing else needs a PAX header.
    archive_write_set_format_pax(handle.archive)
    try handle.check(archive_write_set_format_option(handle.archive, "pax", "xattrheader", "SCHILY"))
    try handle.open()
    return handle
  }

  /// The header of an entry alone, for an archive whose data is put in its place later: a multiple of 512 bytes, as is the room
  /// that the data behind it gets, with zeros at its end. An archive ends with 1024 zeros.
  /// - Throws: `ArchiveError.failed`
  public static func header(of entry: TarEntry) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let handle = try open(ByteSink { bytes += $0 })
    try writeHeader(of: entry, to: handle, UTF8Locale())
    try handle.flush()
    return bytes
  }

  /// Writes the header of an entry. A file's data must follow by `write`, as many bytes as its `size` says; of a
  /// file with `regions` without the holes.
  /// - Throws: `ArchiveError.failed`, and what the sink throws.
  public func add(_ entry: TarEntry) throws {
    try checkComplete()
    try Self.writeHeader(of: entry, to: handle, locale)
    missing = entry.kind == .file ? entry.size : 0
    currentPath = entry.path
    regions = entry.regions?[...] ?? []
    position = 0
    isSparse = entry.regions != nil
    if isSparse { try writeHole() }
  }

  private static func writeHeader(
    of entry: TarEntry, to handle: WriteHandle, _ locale: UTF8Locale
  ) throws {
    guard let header = archive_entry_new() else {
      throw ArchiveError.failed(operation: "write an archive", reason: "no memory")
    }
    defer { archive_entry_free(header) }
    try locale.use {
      entry.write(to: header)
      // libarchive takes an old ENOMEM for its own where a name is not UTF-8.
      errno = 0
      try handle.check(archive_write_header(handle.archive, header))
    }
  }

  private var regions: ArraySlice<TarEntry.Region> = []
  private var position: Int64 = 0
  private var isSparse = false

  /// Writes data of the current entry.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard isSparse else { return try writeData(bytes) }
    var rest = bytes
    while !rest.isEmpty {
      guard let region = regions.first else { throw tooMuch }
      let end = region.offset + region.length
      let piece = rest.prefix(Int(min(Int64(rest.count), end - position)))
      try writeData(UnsafeRawBufferPointer(rebasing: piece))
      rest = UnsafeRawBufferPointer(rebasing: rest[piece.endIndex...])
      if position == end {
        regions.removeFirst()
        try writeHole()
      }
    }
  }

  /// Writes an entry with its data.
  public func add(_ entry: TarEntry, data: [UInt8]) throws {
    var entry = entry
    if entry.regions == nil { entry.size = Int64(data.count) }
    try add(entry)
    try data.withUnsafeBytes { try write($0) }
  }

  /// Writes an entry with the data of the one that `reader` gave last. Holes stay holes.
  /// - Throws: `ArchiveError`, and what the sink and the reader's source throw.
  public func add(_ entry: TarEntry, dataFrom reader: TarReader) throws {
    try add(entry)
    try reader.forEachBlock { _, bytes in try write(bytes) }
  }

  /// Ends the archive. All bytes are with the sink when this returns.
  public func finish() throws {
    try checkComplete()
    try handle.close()
    try compressor.finish()
  }

  /// Up to the next region, or the file's end.
  private func writeHole() throws {
    while let region = regions.first, region.length == 0 { regions.removeFirst() }
    let end = regions.first?.offset ?? (position + missing)
    while position < end {
      let count = Int(min(end - position, Int64(Self.hole.count)))
      try Self.hole.withUnsafeBytes { try writeData(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
  }

  private func writeData(_ bytes: UnsafeRawBufferPointer) throws {
    guard Int64(bytes.count) <= missing else { throw tooMuch }
    var rest = bytes
    while !rest.isEmpty {
      let count = archive_write_data(handle.archive, rest.baseAddress, rest.count)
      guard count > 0 else {
        try handle.check(ARCHIVE_FATAL)
        return
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    missing -= Int64(bytes.count)
    position += Int64(bytes.count)
  }

  private var tooMuch: ArchiveError {
    .failed(operation: "write the entry \(currentPath)", reason: "there is more data than its size says")
  }

  private func checkComplete() throws(ArchiveError) {
    guard missing == 0 else {
      throw .failed(
        operation: "write the entry \(currentPath)", reason: "\(missing) bytes of its data are missing")
    }
  }
}

extension TarEntry {
  fileprivate func write(to header: OpaquePointer) {
    path.withCString { archive_entry_copy_pathname(header, $0) }
    archive_entry_set_perm(header, mode_t(mode))
    archive_entry_set_uid(header, userID)
    archive_entry_set_gid(header, groupID)
    if let userName { archive_entry_copy_uname(header, userName) }
    if let groupName { archive_entry_copy_gname(header, groupName) }
    archive_entry_set_mtime(header, time_t(modificationTime.seconds), modificationTime.nanoseconds)
    archive_entry_set_size(header, kind == .file ? size : 0)
    writeKind(to: header)
    for (name, value) in extendedAttributes.sorted(by: { $0.key < $1.key }) {
      name.withCString { archive_entry_xattr_add_entry(header, $0, value, value.count) }
    }
    for region in regions ?? [] { archive_entry_sparse_add_entry(header, region.offset, region.length) }
  }

  private func writeKind(to header: OpaquePointer) {
    switch kind {
    case .file: archive_entry_set_filetype(header, 0o100000)
    case .directory: archive_entry_set_filetype(header, 0o040000)
    case .symbolicLink(let target):
      archive_entry_set_filetype(header, 0o120000)
      target.withCString { archive_entry_copy_symlink(header, $0) }
    case .hardLink(let target):
      archive_entry_set_filetype(header, 0o100000)
      target.withCString { archive_entry_copy_hardlink(header, $0) }
    case .characterDevice(let major, let minor):
      archive_entry_set_filetype(header, 0o020000)
      archive_entry_set_rdevmajor(header, dev_t(major))
      archive_entry_set_rdevminor(header, dev_t(minor))
    case .blockDevice(let major, let minor):
      archive_entry_set_filetype(header, 0o060000)
      archive_entry_set_rdevmajor(header, dev_t(major))
      archive_entry_set_rdevminor(header, dev_t(minor))
    case .fifo: archive_entry_set_filetype(header, 0o010000)
    case .socket: archive_entry_set_filetype(header, 0o140000)
    }
  }
}
