import Dispatch
import Synchronization

/// Runs `body` on so many threads at once, and waits for all of them.
func runThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
  let group = DispatchGroup()
  for number in 0..<count {
    // A serial queue each: the concurrent ones have no more threads than there are processors.
    DispatchQueue(label: "kontor.transfer.\(number)").async(group: group, execute: body)
  }
  group.wait()
}

extension Array where Element: Sendable {
  /// As `map`, several elements at a time, each on a thread that may block.
  /// - Parameter jobs: at least 1.
  package func mapAtOnce<Value: Sendable>(
    jobs: Int, _ body: @escaping @Sendable (Element) -> Value
  ) -> [Value] {
    let results = Results<Value>(count)
    runThreads(Swift.min(jobs, count)) {
      while let index = results.next() { results.put(body(self[index]), at: index) }
    }
    return results.all
  }
}

private final class Results<Value: Sendable>: Sendable {
  private struct State {
    var next = 0
    var values: [Value?]
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(values: Array(repeating: nil, count: count))) }

  func next() -> Int? {
    state.withLock { state in
      guard state.next < state.values.count else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }

  func put(_ value: Value, at index: Int) { state.withLock { $0.values[index] = value } }

  var all: [Value] { state.withLock { $0.values.compactMap(\.self) } }
}
