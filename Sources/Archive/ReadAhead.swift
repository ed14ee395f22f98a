import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// Decompresses a layer in a thread of its own, ahead of the one that writes its files, into a ring of 8 buffers of
/// 256 KiB; hashes and counts what it gives.
///
/// The hash is made where there is time for it: by the consumer of a compressed layer, as decompressing takes longer
/// than writing; else by the thread, which has nothing but reading to do. `stop` must be called at the end: it waits
/// for the thread, and so for the read that the blob is in.
final class ReadAhead: BlockSource {
  private let shared: Shared
  private var thread: pthread_t?
  /// Whether the consumer has a buffer.
  private var isHolding = false
  private var isAtEnd = false
  private var hasher = ContentHasher(.sha256)
  /// Uncompressed bytes that were given.
  private(set) var count: Int64 = 0
  private let budget: UnpackBudget

  /// - Parameter budget: for the uncompressed bytes.
  init(_ blob: any BlobReader, algorithm: DigestAlgorithm, within budget: UnpackBudget) throws(ArchiveError) {
    self.budget = budget
    hasher = ContentHasher(algorithm)
    shared = Shared(blob, algorithm)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(shared).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue().produce() }
        return nil
      }, argument)
    guard status == 0 else {
      Unmanaged<Shared>.fromOpaque(argument).release()
      throw .system(status, "start a thread")
    }
    self.thread = thread
  }

  deinit { stop() }

  /// Of the blob; nil until the first block was given.
  var compression: Compression? { shared.compression }

  /// - Throws: `ArchiveError.overLimit`, `.damaged`, and what the blob's reader throws.
  func nextBlock() throws -> UnsafeRawBufferPointer {
    if isHolding { shared.giveBack() }
    isHolding = false
    guard !isAtEnd, let (slot, filled) = try shared.take() else {
      isAtEnd = true
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    isHolding = true
    let block = UnsafeRawBufferPointer(rebasing: shared.buffers[slot][..<filled])
    try budget.take(bytes: block.count)
    count += Int64(block.count)
    if !shared.hashesAhead { hasher.update(block) }
    return block
  }

  /// Reads what is left and ends.
  /// - Returns: the digest of the whole uncompressed stream.
  func finish() throws -> Digest {
    while try !nextBlock().isEmpty {}
    stop()
    return shared.hashesAhead ? shared.digest : hasher.digest()
  }

  /// When this returns, the thread has ended and the blob is no longer read.
  func stop() {
    guard let thread else { return }
    self.thread = nil
    shared.stop()
    pthread_join(thread, nil)
  }
}

/// What the two threads share.
///
/// `@unchecked Sendable`: the counters, the error and `isStopped` are touched under the mutex only. A buffer belongs to
/// the producer from when it is free until it is counted as filled, and to the consumer from then until it is given
/// back. `blob` and `hasher` are the producer's; the creator lets go of the blob until the thread was joined, and reads
/// `digest` and `compression` after a hand-over by the mutex or the join.
private final class Shared: @unchecked Sendable {
  static let slots = 8

  let buffers: [UnsafeMutableRawBufferPointer]
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let blob: any BlobReader
  private var hasher: ContentHasher
  /// Set before the first buffer is filled.
  private(set) var compression: Compression?
  private var filled = [Int](repeating: 0, count: slots)
  /// How many buffers were filled, and how many given back, from the start on.
  private var produced = 0
  private var consumed = 0
  private var isEnded = false
  private var isStopped = false
  private var failure: (any Error)?

  init(_ blob: any BlobReader, _ algorithm: DigestAlgorithm) {
    self.blob = blob
    hasher = ContentHasher(algorithm)
    buffers = (0..<Self.slots).map { _ in .allocate(byteCount: 256 << 10, alignment: 16) }
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    for buffer in buffers { buffer.deallocate() }
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  var digest: Digest { hasher.digest() }

  var hashesAhead: Bool { compression == Compression.none }

  // MARK: The producer's

  func produce() {
    do {
      let reader = try DecompressingReader(blob)
      compression = reader.compression
      let hashesAhead = hashesAhead
      while let slot = freeSlot() {
        let count = try fill(buffers[slot], from: reader)
        if count == 0 { break }
        if hashesAhead { hasher.update(UnsafeRawBufferPointer(rebasing: buffers[slot][..<count])) }
        locked {
          filled[slot] = count
          produced += 1
        }
      }
      locked { isEnded = true }
    } catch {
      locked {
        failure = error
        isEnded = true
      }
    }
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, from reader: DecompressingReader) throws -> Int {
    var count = 0
    while count < buffer.count {
      let read = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      if read == 0 { break }
      count += read
    }
    return count
  }

  /// Waits for one. nil: no more are wanted.
  private func freeSlot() -> Int? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isStopped, produced - consumed == Self.slots { pthread_cond_wait(condition, mutex) }
    return isStopped ? nil : produced % Self.slots
  }

  // MARK: The consumer's

  /// Waits for the next filled buffer. nil: there are no more.
  func take() throws -> (slot: Int, count: Int)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isEnded, produced == consumed { pthread_cond_wait(condition, mutex) }
    guard produced > consumed else {
      if let failure { throw failure }
      return nil
    }
    let slot = consumed % Self.slots
    return (slot, filled[slot])
  }

  func giveBack() { locked { consumed += 1 } }

  func stop() { locked { isStopped = true } }

  private func locked(_ body: () -> Void) {
    pthread_mutex_lock(mutex)
    body()
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
