import CArchive
import ContainerImage

/// libarchive's reading end, fed from blocks.
final class ReadHandle {
  let archive: OpaquePointer
  private let source: any BlockSource
  /// What the source threw; libarchive only learns that reading failed.
  private var failure: (any Error)?
  /// How many more bytes may be read, where that is limited.
  private var budget = Int.max
  private var isBudgetSpent = false
  /// Whether the source has given all that it has.
  private(set) var isAtSourceEnd = false

  init(_ source: any BlockSource) throws(ArchiveError) {
    guard let archive = archive_read_new() else {
      throw .failed(operation: "read an archive", reason: "no memory")
    }
    self.archive = archive
    self.source = source
  }

  deinit { archive_read_free(archive) }

  /// Begins to read. Formats and filters were set before.
  func open() throws {
    let client = Unmanaged.passUnretained(self).toOpaque()
    var skip: (@convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int64) -> Int64)?
    if source is any SkippableBlockSource {
      skip = { _, client, count in
        guard let client else { return 0 }
        return Unmanaged<ReadHandle>.fromOpaque(client).takeUnretainedValue().skip(count)
      }
    }
    try check(
      archive_read_open2(
        archive, client, nil,
        { _, client, block in
          guard let client else { return -1 }
          return Unmanaged<ReadHandle>.fromOpaque(client).takeUnretainedValue().read(block)
        }, skip, nil), entry: nil)
    // Formats look at the first bytes, and where those could not be decompressed one of them takes the archive for an
    // empty one.
    if archive_errno(archive) != 0 { try check(ARCHIVE_FATAL, entry: nil) }
  }

  /// Runs `body`, which may read no more than about `limit` bytes.
  func withBudget<Result>(_ limit: Int, _ body: () -> Result) -> Result {
    budget = limit
    defer { budget = Int.max }
    return body()
  }

  private func read(_ block: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
    guard failure == nil else { return Int(ARCHIVE_FATAL) }
    guard budget > 0 else {
      isBudgetSpent = true
      return Int(ARCHIVE_FATAL)
    }
    do {
      let bytes = try source.nextBlock()
      block?.pointee = bytes.baseAddress
      if bytes.isEmpty { isAtSourceEnd = true }
      if budget != Int.max { budget -= bytes.count }
      return bytes.count
    } catch {
      failure = error
      return Int(ARCHIVE_FATAL)
    }
  }

  private func skip(_ count: Int64) -> Int64 { (source as? any SkippableBlockSource)?.skip(count) ?? 0 }

  /// - Throws: what the source threw, else what libarchive says, unless the status is good or a warning.
  func check(_ status: CInt, entry: RawPath?) throws {
    // First: where nothing could be read, libarchive may take the archive for an empty one.
    if let failure { throw failure }
    if isBudgetSpent {
      throw ArchiveError.tooLarge(
        reason:
          "the header of the entry after \(entry?.description.quotedForMessage ?? "the start") is too large")
    }
    switch status {
    case ARCHIVE_OK, ARCHIVE_WARN: return
    case ARCHIVE_EOF where archive_errno(archive) == 0: return
    default: break
    }
    let reason = message
    if reason == "Unrecognized archive format" {
      throw ArchiveError.notAnArchive(reason: "its first bytes are no tar header")
    }
    throw ArchiveError.damaged(entry: entry?.description, reason: reason)
  }

  /// What libarchive says about the last failure or warning.
  var message: String { archive_error_string(archive).map { String(cString: $0) } ?? "it cannot be read" }
}
