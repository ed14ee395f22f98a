import Dispatch
import Synchronization

/// Work on several things at once, with a thread of its own for each that is under way: they are blocked most of the time.
public enum ConcurrentWork {
  /// Returns when all is done. After the first failure nothing more is begun.
  /// - Parameter jobs: how many at the same time; at least 1.
  /// - Throws: the first error of `body`.
  public static func forEach<Element: Sendable>(
    _ elements: [Element], jobs: Int, _ body: @escaping @Sendable (Element) throws -> Void
  ) throws {
    let state = Mutex((next: 0, failure: (any Error)?.none))
    let group = DispatchGroup()
    let work = { @Sendable in
      while let element = Self.next(state, elements) {
        do {
          try body(element)
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    for number in 0..<min(jobs, elements.count) {
      // A serial queue each: the concurrent ones have no more threads than there are processors.
      DispatchQueue(label: "kontor.transfer.\(number)").async(group: group, execute: work)
    }
    group.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// What `body` makes of each, in their order.
  /// - Throws: the first error of `body`.
  public static func map<Element: Sendable, Value: Sendable>(
    _ elements: [Element], jobs: Int, _ body: @escaping @Sendable (Element) throws -> Value
  ) throws -> [Value] {
    let values = Mutex<[Int: Value]>([:])
    try forEach(Array(elements.enumerated()), jobs: jobs) { index, element in
      let value = try body(element)
      values.withLock { $0[index] = value }
    }
    return values.withLock { values in elements.indices.compactMap { values[$0] } }
  }

  private static func next<Element: Sendable>(
    _ state: borrowing Mutex<(next: Int, failure: (any Error)?)>, _ elements: [Element]
  ) -> Element? {
    state.withLock { state in
      guard state.failure == nil, state.next < elements.count else { return nil }
      defer { state.next += 1 }
      return elements[state.next]
    }
  }
}
