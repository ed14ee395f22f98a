import CArchive
import ImageTransfer

/// Reads a tar stream (ustar, PAX, GNU), compressed or not, entry by entry.
///
/// ```swift
/// let archive = try TarReader(blob)
/// while let entry = try archive.next() {
///   if entry.path == "manifest.json" { … try archive.read(into: buffer) … }
/// }
/// ```
///
/// As a `BlobReader` it gives the data of the entry that `next` returned last, with zeros for holes. Memory is bounded:
/// a header with its names, attributes and sparse map may take 4 MiB of the stream.
public final class TarReader: BlobReader {
  private let handle: ReadHandle
  private let locale = UTF8Locale()
  private let budget: UnpackBudget?
  /// Data of the current entry that libarchive has given and nobody has taken yet, and its place in the file.
  private var block = UnsafeRawBufferPointer(start: nil, count: 0)
  private var blockOffset: Int64 = 0
  /// Of the next byte that `read` gives.
  private var position: Int64 = 0
  private var hasGivenAll = false
  private var current: RawPath?
  /// Bytes of the current entry's data that were not read yet; holes are none.
  private var dataLeft: Int64 = 0
  private var isAtEnd = false
  /// What was not understood of the current entry's header.
  private(set) var warning: String?

  static let headerLimit = 4 << 20

  /// Reads the archive that the blob is; its compression is found by its content.
  /// - Parameter budget: for the uncompressed bytes and the entries; nil for an archive that is trusted.
  /// - Throws: `ArchiveError`, and what the blob's reader throws.
  public convenience init(_ blob: any BlobReader, within budget: UnpackBudget? = nil) throws {
    try self.init(blocks: BlobBlocks(DecompressingReader(blob, within: budget)), within: budget)
  }

  /// - Parameters:
  ///   - blocks: the uncompressed archive.
  ///   - budget: for the entries.
  init(blocks: any BlockSource, within budget: UnpackBudget? = nil) throws {
    self.budget = budget
    handle = try ReadHandle(blocks)
    archive_read_support_format_tar(handle.archive)
    archive_read_support_format_empty(handle.archive)
    try handle.open()
  }

  /// Goes on to the next entry, past what is left of the current one's data.
  /// - Returns: nil at the archive's end.
  /// - Throws: `ArchiveError`, and what the source throws.
  public func next() throws -> TarEntry? {
    guard !isAtEnd else { return nil }
    if current != nil {
      // Seen block by block, data that nobody wanted ends where `endsAfterData` looks.
      if dataLeft > 0 { try forEachBlock { _, _ in } }
      if isAtEnd { return nil }
      let status = archive_read_data_skip(handle.archive)
      if endsAfterData(status) { return nil }
      try handle.check(status, entry: current)
    }
    return try locale.use {
      var entry: OpaquePointer?
      let status = handle.withBudget(Self.headerLimit) { archive_read_next_header(handle.archive, &entry) }
      try handle.check(status, entry: current)
      guard status != ARCHIVE_EOF, let entry else {
        isAtEnd = true
        return nil
      }
      try budget?.takeEntry()
      warning = status == ARCHIVE_WARN ? handle.message : nil
      let result = try TarEntry(reading: entry)
      current = result.path
      block = UnsafeRawBufferPointer(start: nil, count: 0)
      (blockOffset, position, hasGivenAll) = (0, 0, false)
      dataLeft = result.regions?.reduce(0) { $0 + $1.length } ?? result.size
      return result
    }
  }

  /// Data of the current entry; holes are zeros.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard current != nil, !isAtEnd else { return 0 }
    // Not by archive_read_data, which keeps the last bytes to itself when the archive ends right after them.
    while block.isEmpty, position >= blockOffset {
      if hasGivenAll { return 0 }
      // The last call gives the file's size, before which there may be a hole.
      hasGivenAll = try !takeBlock()
    }
    let count: Int
    if position < blockOffset {
      count = Int(min(Int64(buffer.count), blockOffset - position))
      UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
    } else {
      count = min(buffer.count, block.count)
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<count]))
      block = UnsafeRawBufferPointer(rebasing: block[count...])
      blockOffset += Int64(count)
    }
    position += Int64(count)
    return count
  }

  /// - Returns: false at the end of the entry's data.
  private func takeBlock() throws -> Bool {
    var start: UnsafeRawPointer?
    var count = 0
    let status = archive_read_data_block(handle.archive, &start, &count, &blockOffset)
    block = UnsafeRawBufferPointer(start: start, count: count)
    if endsAfterData(status) { return false }
    try handle.check(status, entry: current)
    dataLeft -= Int64(count)
    return status != ARCHIVE_EOF
  }

  /// Whether the archive ends right after an entry's data, without what fills its last block: that is the end then. Layers
  /// that `umoci insert` made do, and the Go programs that unpack images take them.
  private func endsAfterData(_ status: CInt) -> Bool {
    guard status < ARCHIVE_WARN, dataLeft == 0, handle.isAtSourceEnd else { return false }
    isAtEnd = true
    return true
  }

  /// Gives the current entry's data in pieces, without its holes.
  func forEachBlock(_ body: (_ offset: Int64, UnsafeRawBufferPointer) throws -> Void) throws {
    while try takeBlock() {
      if !block.isEmpty { try body(blockOffset, block) }
    }
    block = UnsafeRawBufferPointer(start: nil, count: 0)
  }
}

extension TarEntry {
  init(reading entry: OpaquePointer) throws(ArchiveError) {
    let path = archive_entry_pathname(entry).map(RawPath.init(cString:)) ?? RawPath("")
    self.init(
      path: path, kind: try Self.kind(of: entry, path), mode: UInt16(archive_entry_perm(entry) & 0o7777),
      userID: archive_entry_uid(entry), groupID: archive_entry_gid(entry),
      modificationTime: FileTime(
        seconds: Int64(archive_entry_mtime(entry)), nanoseconds: archive_entry_mtime_nsec(entry)))
    userName = Self.name(archive_entry_uname(entry))
    groupName = Self.name(archive_entry_gname(entry))
    size = kind == .file ? archive_entry_size(entry) : 0
    guard size >= 0 else { throw .damaged(entry: path.description, reason: "its size is negative") }
    readExtendedAttributes(entry)
    readRegions(entry)
  }

  /// A ustar header has room for a name, filled or not.
  private static func name(_ text: UnsafePointer<CChar>?) -> String? {
    guard let text, text.pointee != 0 else { return nil }
    return String(cString: text)
  }

  private static func kind(of entry: OpaquePointer, _ path: RawPath) throws(ArchiveError) -> Kind {
    if let target = archive_entry_hardlink(entry) { return .hardLink(target: RawPath(cString: target)) }
    switch UInt32(archive_entry_filetype(entry)) {
    case 0o100000: return .file
    case 0o040000: return .directory
    case 0o120000:
      return .symbolicLink(target: archive_entry_symlink(entry).map(RawPath.init(cString:)) ?? RawPath(""))
    case 0o020000:
      return .characterDevice(
        major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
        minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry)))
    case 0o060000:
      return .blockDevice(
        major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
        minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry)))
    case 0o010000: return .fifo
    case 0o140000: return .socket
    default: throw .damaged(entry: path.description, reason: "its type is unknown")
    }
  }

  private mutating func readExtendedAttributes(_ entry: OpaquePointer) {
    archive_entry_xattr_reset(entry)
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var count = 0
    while archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
      guard let name else { continue }
      extendedAttributes[RawPath(cString: name)] = Array(UnsafeRawBufferPointer(start: value, count: count))
    }
  }

  private mutating func readRegions(_ entry: OpaquePointer) {
    guard archive_entry_sparse_reset(entry) > 0 else { return }
    var regions: [Region] = []
    var offset: la_int64_t = 0
    var length: la_int64_t = 0
    while archive_entry_sparse_next(entry, &offset, &length) == ARCHIVE_OK {
      regions.append(Region(offset: offset, length: length))
    }
    self.regions = regions
  }
}
