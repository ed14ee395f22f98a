import ContainerImage
import RegistryClient
import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A blob on its way from an upstream, for all who wait for it. They read what is there of it, each at its own pace.
public final class BlobTransfer: Sendable {
  private enum Outcome {
    case stored(size: Int64)
    case failed(any Error & Sendable)
  }

  private struct State {
    /// Of the file that grows; owned by this. -1 before it is there.
    var descriptor: CInt = -1
    /// Whether the upstream has said that it has the blob.
    var hasBegun = false
    /// Bytes, if the upstream says how many there are.
    var size: Int64?
    var received: Int64 = 0
    /// Whether all has come, and is what it should be.
    var isVerified = false
    var outcome: Outcome?
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// Bytes that nobody gets before the digest is known to be right.
  private static let heldBack: Int64 = 1
  /// Bytes that a reader gets at once.
  private static let largestPiece: Int64 = 1 << 20

  let digest: Digest
  private let state = Mutex(State())

  init(_ digest: Digest) { self.digest = digest }

  deinit {
    let descriptor = state.withLock(\.descriptor)
    if descriptor >= 0 { close(descriptor) }
  }

  // MARK: - For whoever transfers

  /// - Parameters:
  ///   - path: of the file.
  ///   - size: bytes; nil if nobody knows.
  func begin(_ path: String, size: Int64?) throws(StorageError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .failed(operation: "read an upload", reason: String(cString: strerror(errno)))
    }
    wake { state in
      (state.descriptor, state.size, state.hasBegun) = (descriptor, size, true)
    }
  }

  func received(_ count: Int) { wake { $0.received += Int64(count) } }

  func verified() { wake { $0.isVerified = true } }

  func stored(size: Int64) {
    wake { state in (state.isVerified, state.outcome) = (true, .stored(size: size)) }
  }

  func failed(_ error: any Error & Sendable) { wake { $0.outcome = $0.outcome ?? .failed(error) } }

  private func wake(_ change: (inout State) -> Void) {
    let waiting = state.withLock { state in
      change(&state)
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  // MARK: - For those who wait

  /// Waits until the upstream has said that it has the blob.
  /// - Throws: why it was not to be had.
  /// - Returns: bytes; nil if the upstream does not say how many there are.
  public func begun() async throws -> Int64? {
    while true {
      let found = try state.withLock { state -> (Bool, Int64?) in
        switch state.outcome {
        case .failed(let error) where !state.hasBegun: throw error
        case .stored(let size): return (true, size)
        default: return (state.hasBegun, state.size)
        }
      }
      if found.0 { return found.1 }
      await change { !$0.hasBegun && $0.outcome == nil }
    }
  }

  /// Waits until it is stored.
  /// - Throws: why it was not.
  public func ended() async throws {
    while true {
      let outcome = state.withLock(\.outcome)
      switch outcome {
      case .stored: return
      case .failed(let error): throw error
      case nil: await change { $0.outcome == nil }
      }
    }
  }

  /// Tells which bytes have come, as they come, of a file that is open as long as this is there.
  /// - Parameter body: takes the file, for a part of it, and the part.
  /// - Throws: why they do not come to their end, and what `body` throws.
  public func read(_ body: (_ descriptor: CInt, _ part: Range<Int64>) async throws -> Void) async throws {
    var position: Int64 = 0
    while true {
      let (available, isLast, descriptor) = try state.withLock { state -> (Int64, Bool, CInt) in
        // What is verified is right, whether the disk takes it or not.
        if state.isVerified { return (state.received, true, state.descriptor) }
        if case .failed(let error) = state.outcome { throw error }
        return (max(state.received - Self.heldBack, 0), false, state.descriptor)
      }
      if position < available {
        let end = min(available, position + Self.largestPiece)
        try await body(descriptor, position..<end)
        position = end
      } else if isLast {
        return
      } else {
        let known = available
        await change { !$0.isVerified && $0.outcome == nil && max($0.received - Self.heldBack, 0) <= known }
      }
    }
  }

  /// - Parameter isAsBefore: whether there is nothing new.
  private func change(_ isAsBefore: @Sendable (State) -> Bool) async {
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state in
        guard isAsBefore(state) else { return false }
        state.waiting.append(continuation)
        return true
      }
      if !waits { continuation.resume() }
    }
  }
}
