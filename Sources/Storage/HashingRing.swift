import ContainerImage
import Dispatch
import Synchronization

/// Hashes pieces on a thread of its own, in the order in which they come, while the next ones are brought. Whoever brings them waits when
/// all buffers are to be hashed: at most 2 MiB are in memory.
final class HashingRing: Sendable {
  private struct Piece {
    var buffer: [UInt8] = []
    var count = 0
  }

  private struct State {
    var free: [Piece] = []
    /// In their order.
    var filled: [Piece] = []
    var hasher: ContentHasher
  }

  static let slots = 8
  static let bufferSize = 256 << 10

  private let state: Mutex<State>
  // A semaphore must not end with a lower value than it began with, so all begin with 0.
  private let room = DispatchSemaphore(value: 0)
  private let work = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// `finish` must be called at the end.
  init(_ hasher: ContentHasher) {
    state = Mutex(State(hasher: hasher))
    for _ in 0..<Self.slots { room.signal() }
    DispatchQueue(label: "kontor.hash").async { self.hash(hasher) }
  }

  /// Hashes the next piece, once `fill` has brought it.
  /// - Parameter fill: returns how many bytes it has put at the buffer's start. Nothing is hashed if it throws.
  func append(_ fill: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows -> Int {
    room.wait()
    var piece =
      state.withLock { $0.free.popLast() } ?? Piece(buffer: [UInt8](repeating: 0, count: Self.bufferSize))
    do {
      piece.count = try piece.buffer.withUnsafeMutableBytes(fill)
    } catch {
      room.signal()
      throw error
    }
    let count = piece.count
    state.withLock { state in
      state.filled.append(piece)
      // The other thread has the buffer alone, which otherwise would be copied when it is filled again.
      piece = Piece()
    }
    work.signal()
    return count
  }

  /// Waits until all is hashed, and ends.
  func finish() -> ContentHasher {
    work.signal()
    ended.wait()
    return state.withLock(\.hasher)
  }

  // MARK: The other thread's

  private func hash(_ hasher: ContentHasher) {
    var hasher = hasher
    var piece = Piece()
    while take(&piece) {
      piece.buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<piece.count])) }
      state.withLock { state in
        state.free.append(piece)
        piece = Piece()
      }
      room.signal()
    }
    state.withLock { $0.hasher = hasher }
    ended.signal()
  }

  /// Waits for the next piece.
  /// - Returns: whether there is one.
  private func take(_ piece: inout Piece) -> Bool {
    work.wait()
    return state.withLock { state in
      guard !state.filled.isEmpty else { return false }
      piece = state.filled.removeFirst()
      return true
    }
  }
}
