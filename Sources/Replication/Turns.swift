import Dispatch
import Synchronization

/// Threads that do something about the same thing do it one after another, in the order in which they came.
final class Turns<Key: Hashable & Sendable>: Sendable {
  /// Of things that somebody is at: who waits.
  private let waiting = Mutex<[Key: [DispatchSemaphore]]>([:])

  /// Blocks until it is the caller's turn, who has to call `end`.
  func begin(_ key: Key) {
    let turn = waiting.withLock { waiting -> DispatchSemaphore? in
      guard waiting[key] != nil else {
        waiting[key] = []
        return nil
      }
      let turn = DispatchSemaphore(value: 0)
      waiting[key]?.append(turn)
      return turn
    }
    turn?.wait()
  }

  func end(_ key: Key) {
    let next = waiting.withLock { waiting -> DispatchSemaphore? in
      guard let first = waiting[key]?.first else {
        waiting[key] = nil
        return nil
      }
      waiting[key]?.removeFirst()
      return first
    }
    next?.signal()
  }

  func with<Value>(_ key: Key, _ body: () throws -> Value) rethrows -> Value {
    begin(key)
    defer { end(key) }
    return try body()
  }
}
