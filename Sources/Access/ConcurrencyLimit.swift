import Synchronization

/// Limits how many things each of many does at the same time.
///
/// Sendable by a lock, which is held for a look-up only.
public final class ConcurrencyLimit: Sendable {
  private let most: Int
  private let counts = Mutex<[ExactText: Int]>([:])

  /// - Parameter most: for each key; at least 1.
  public init(most: Int) { self.most = max(most, 1) }

  /// Begins one, to be ended by `leave`.
  /// - Returns: false if it is one too many; then there is nothing to end.
  public func enter(_ key: String) -> Bool {
    let key = ExactText(key)
    return counts.withLock { counts in
      let count = counts[key, default: 0]
      guard count < most else { return false }
      counts[key] = count + 1
      return true
    }
  }

  public func leave(_ key: String) {
    let key = ExactText(key)
    counts.withLock { counts in
      let left = (counts[key] ?? 1) - 1
      counts[key] = left > 0 ? left : nil
    }
  }

  /// How many keys do something.
  var count: Int { counts.withLock(\.count) }
}
