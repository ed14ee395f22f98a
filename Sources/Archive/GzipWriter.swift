import CArchive

#if canImport(Glibc)
  import Glibc
#endif

/// Compresses a stream as gzip (RFC 1952) on several threads. It becomes a member for each 128 KiB, one after another, as
/// the format allows; the same content gives the same bytes, however many threads there are. A member has no time and
/// no name. Blocks that do not compress, as of files that are compressed already, are stored, as samples of them show.
///
/// `finish` must be called at the end; without it what was written is incomplete. Memory: about 256 KiB for each of at most
/// 32 blocks under way.
final class GzipWriter {
  private let sink: ByteSink
  private let shared: Shared
  private let threadCount: Int
  private var threads: [pthread_t] = []
  /// The block that is being filled, and how far.
  private var current: Int?
  private var filled = 0
  private var isEmpty = true

  /// Beyond this, disks and networks are the limit.
  private static let mostThreads = 4

  /// - Parameter level: 1 to 12.
  /// - Throws: `ArchiveError.failed`
  init(level: Int = 6, to sink: ByteSink) throws(ArchiveError) {
    self.sink = sink
    threadCount = max(1, min(Self.mostThreads, sysconf(CInt(_SC_NPROCESSORS_ONLN))))
    shared = try Shared(level: level, slots: 8 * threadCount)
  }

  deinit { stop() }

  /// - Throws: `ArchiveError.failed`, and what the sink throws.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let slot = try current ?? freeSlot()
      current = slot
      let count = min(rest.count, Shared.blockSize - filled)
      UnsafeMutableRawBufferPointer(rebasing: shared.content(of: slot)[filled...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
      filled += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if filled == Shared.blockSize { try submit() }
    }
  }

  /// All bytes are with the sink when this returns.
  func finish() throws {
    if filled > 0 || isEmpty {
      current = try current ?? freeSlot()
      try submit()
    }
    while shared.hasWork { try drain() }
    stop()
  }

  private func submit() throws {
    // A stream of one block needs no threads.
    if threads.isEmpty, filled == Shared.blockSize { try startThreads() }
    isEmpty = false
    shared.submit(count: filled)
    current = nil
    filled = 0
    if threads.isEmpty { shared.compressOldest() }
  }

  /// The next slot of the ring, when what it held is with the sink.
  private func freeSlot() throws -> Int {
    if shared.isFull { try drain() }
    return shared.nextSlot
  }

  /// Waits until the oldest block is compressed, and gives it to the sink.
  private func drain() throws {
    guard let compressed = shared.waitForOldest() else {
      throw ArchiveError.failed(operation: "compress", reason: "the block does not fit")
    }
    try sink.write(compressed)
    shared.giveBack()
  }

  private func startThreads() throws(ArchiveError) {
    for _ in 0..<threadCount {
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(shared).toOpaque()
      let status = pthread_create(
        &thread, nil,
        { argument in
          if let argument { Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue().work() }
          return nil
        }, argument)
      guard status == 0 else {
        Unmanaged<Shared>.fromOpaque(argument).release()
        throw .system(status, "start a thread")
      }
      threads.append(thread)
    }
  }

  private func stop() {
    guard !threads.isEmpty else { return }
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}

/// What the threads share: a ring of blocks, which are submitted, compressed and written in their order.
///
/// `@unchecked Sendable`: the counters and the slots' results are touched under the mutex only. A slot's memory belongs to
/// the writer until the block is submitted, then to the thread that took it until its result is set, then to the
/// writer again.
private final class Shared: @unchecked Sendable {
  struct Slot {
    let content: UnsafeMutableRawBufferPointer
    let compressed: UnsafeMutableRawBufferPointer
    var count = 0
    /// Bytes of the member; nil until it is compressed, 0 if that failed.
    var result: Int?
  }

  static let blockSize = 128 << 10

  private var slots: [Slot] = []
  private let level: CInt
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// How many blocks were submitted, taken by a thread and written, from the start on.
  private var submitted = 0
  private var taken = 0
  private var written = 0
  private var isStopped = false

  init(level: Int, slots count: Int) throws(ArchiveError) {
    self.level = CInt(level)
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    guard let compressor = libdeflate_alloc_compressor(self.level) else {
      throw .failed(operation: "compress", reason: "no memory, or no level \(level)")
    }
    libdeflate_free_compressor(compressor)
    // Of any level.
    let bound = libdeflate_gzip_compress_bound(nil, Self.blockSize)
    for _ in 0..<count {
      slots.append(
        Slot(
          content: .allocate(byteCount: Self.blockSize, alignment: 16),
          compressed: .allocate(byteCount: bound, alignment: 16)))
    }
  }

  deinit {
    for slot in slots {
      slot.content.deallocate()
      slot.compressed.deallocate()
    }
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  // MARK: The writer's

  var isFull: Bool { locked { submitted - written == slots.count } }
  var nextSlot: Int { locked { submitted % slots.count } }

  func submit(count: Int) {
    locked {
      slots[submitted % slots.count].count = count
      slots[submitted % slots.count].result = nil
      submitted += 1
    }
  }

  /// Whether there are blocks to be written.
  var hasWork: Bool { locked { written < submitted } }

  func content(of slot: Int) -> UnsafeMutableRawBufferPointer { slots[slot].content }

  /// - Returns: nil if it could not be compressed.
  func waitForOldest() -> UnsafeRawBufferPointer? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let index = written % slots.count
    while slots[index].result == nil { pthread_cond_wait(condition, mutex) }
    guard let count = slots[index].result, count > 0 else { return nil }
    return UnsafeRawBufferPointer(rebasing: slots[index].compressed[..<count])
  }

  func giveBack() { locked { written += 1 } }

  func stop() { locked { isStopped = true } }

  // MARK: The threads'

  func work() {
    guard let compressor = BlockCompressor(level: level) else { return failAll() }
    while let slot = take(waiting: true) { compress(slot, compressor) }
  }

  /// Does the work of a thread, once, in the writer's.
  func compressOldest() {
    guard let slot = take(waiting: false) else { return }
    guard let compressor = BlockCompressor(level: level) else { return failAll() }
    compress(slot, compressor)
  }

  private func take(waiting: Bool) -> Int? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while waiting, !isStopped, taken == submitted { pthread_cond_wait(condition, mutex) }
    guard !isStopped, taken < submitted else { return nil }
    defer { taken += 1 }
    return taken % slots.count
  }

  private func compress(_ index: Int, _ compressor: BlockCompressor) {
    let slot = locked { slots[index] }
    let result = compressor.compress(
      UnsafeRawBufferPointer(rebasing: slot.content[..<slot.count]), into: slot.compressed)
    locked { slots[index].result = result }
  }

  private func failAll() {
    locked { for index in slots.indices where slots[index].result == nil { slots[index].result = 0 } }
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return body()
  }
}

/// Makes a gzip member of a block; for one thread.
private final class BlockCompressor {
  private let compressor: OpaquePointer
  private let storer: OpaquePointer
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: sampleSize, alignment: 16)

  private static let sampleSize = 4 << 10
  private static let sampleCount = 4

  /// - Returns: nil if there is no memory for it.
  init?(level: CInt) {
    guard let compressor = libdeflate_alloc_compressor(level) else { return nil }
    guard let storer = libdeflate_alloc_compressor(0) else {
      libdeflate_free_compressor(compressor)
      return nil
    }
    self.compressor = compressor
    self.storer = storer
  }

  deinit {
    libdeflate_free_compressor(compressor)
    libdeflate_free_compressor(storer)
    scratch.deallocate()
  }

  /// - Returns: bytes of the member; 0 if it does not fit.
  func compress(_ content: UnsafeRawBufferPointer, into member: UnsafeMutableRawBufferPointer) -> Int {
    libdeflate_gzip_compress(
      isWorthIt(content) ? compressor : storer, content.baseAddress, content.count, member.baseAddress,
      member.count)
  }

  /// Whether one of some pieces, which lie evenly in the block, becomes smaller.
  private func isWorthIt(_ content: UnsafeRawBufferPointer) -> Bool {
    let size = Self.sampleSize
    guard content.count > 2 * Self.sampleCount * size else { return true }
    let step = (content.count - size) / (Self.sampleCount - 1)
    for index in 0..<Self.sampleCount {
      let count = libdeflate_deflate_compress(
        compressor, content.baseAddress?.advanced(by: index * step), size, scratch.baseAddress, size * 31 / 32
      )
      if count > 0 { return true }
    }
    return false
  }
}
