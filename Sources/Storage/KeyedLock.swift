import Synchronization

/// One lock per key, held across suspensions: who works on one key waits for no one with another.
/// Waiters get it in the order they asked.
public final class KeyedLock<Key: Hashable & Sendable>: Sendable {
  /// Keys that are held, with those who wait for them.
  private let waiters = Mutex<[Key: [CheckedContinuation<Void, Never>]]>([:])

  public init() {}

  public func withLock<Result>(
    _ key: Key, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    await acquire(key)
    defer { release(key) }
    return try await body()
  }

  /// Several keys at once; they are distinct and in the order that all callers use, so that none wait in a
  /// circle.
  func withLocks<Result>(
    ordered keys: [Key], isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    for key in keys { await acquire(key) }
    defer { for key in keys { release(key) } }
    return try await body()
  }

  func acquire(_ key: Key) async {
    await withCheckedContinuation { continuation in
      let isFree = waiters.withLock { waiters in
        if waiters[key] == nil {
          waiters[key] = []
          return true
        }
        waiters[key]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  func release(_ key: Key) {
    let next = waiters.withLock { waiters -> CheckedContinuation<Void, Never>? in
      guard var queue = waiters[key], !queue.isEmpty else {
        waiters[key] = nil
        return nil
      }
      let first = queue.removeFirst()
      waiters[key] = queue
      return first
    }
    next?.resume()
  }
}
