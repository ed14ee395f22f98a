import CArchive

/// libarchive's writing end. What it writes is gathered in a buffer of 256 KiB for the sink.
final class WriteHandle {
  let archive: OpaquePointer
  private let sink: ByteSink
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
  private var count = 0
  /// What the sink threw; libarchive only learns that writing failed.
  private var failure: (any Error)?

  init(_ sink: ByteSink) throws(ArchiveError) {
    guard let archive = archive_write_new() else {
      buffer.deallocate()
      throw .failed(operation: "write an archive", reason: "no memory")
    }
    self.archive = archive
    self.sink = sink
  }

  deinit {
    // Freeing closes, which would write what is pending: of an archive that was not finished nothing more is wanted.
    archive_write_fail(archive)
    archive_write_free(archive)
    buffer.deallocate()
  }

  /// Begins to write. Formats, filters and options were set before.
  func open() throws {
    archive_write_set_bytes_per_block(archive, 0)
    let client = Unmanaged.passUnretained(self).toOpaque()
    try check(
      archive_write_open(
        archive, client, nil,
        { _, client, bytes, count in
          guard let client else { return -1 }
          return Unmanaged<WriteHandle>.fromOpaque(client).takeUnretainedValue()
            .append(UnsafeRawBufferPointer(start: bytes, count: count))
        }, nil))
  }

  /// All bytes are with the sink when this returns.
  func close() throws {
    try check(archive_write_close(archive))
    try flush()
  }

  private func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard failure == nil else { return -1 }
    do {
      if count + bytes.count > buffer.count { try flush() }
      if bytes.count > buffer.count {
        try sink.write(bytes)
      } else {
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
      }
      return bytes.count
    } catch {
      failure = error
      return -1
    }
  }

  func flush() throws {
    let pending = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    count = 0
    if !pending.isEmpty { try sink.write(pending) }
  }

  /// - Throws: what the sink threw, else what libarchive says, unless the status is good or a warning.
  func check(_ status: CInt) throws {
    guard status < ARCHIVE_WARN else { return }
    if let failure { throw failure }
    throw ArchiveError.failed(
      operation: "write an archive",
      reason: archive_error_string(archive).map { String(cString: $0) } ?? "unknown")
  }
}
