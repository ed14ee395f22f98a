import Dispatch
import Synchronization

/// So many at a time; the others wait in the order in which they came.
package final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiting: [@Sendable () -> Void] = []
  }

  private let state: Mutex<State>

  package init(_ count: Int) { state = Mutex(State(free: count)) }

  package func take() async {
    await withCheckedContinuation { continuation in take { continuation.resume() } }
  }

  /// Between two looks whether it is still wanted.
  private static let step = DispatchTimeInterval.milliseconds(100)

  /// Blocks the thread.
  /// - Returns: false if it is not wanted any more.
  func take(unless isCancelled: @Sendable () -> Bool) -> Bool {
    let turn = DispatchSemaphore(value: 0)
    // Either the turn comes first, or that it is not wanted.
    let decision = Once()
    take { [self] in
      if decision.isFirst() { turn.signal() } else { giveBack() }
    }
    while turn.wait(timeout: .now() + Self.step) == .timedOut {
      if isCancelled(), decision.isFirst() { return false }
    }
    return true
  }

  private func take(_ proceed: @escaping @Sendable () -> Void) {
    let isFree = state.withLock { state in
      guard state.free > 0 else {
        state.waiting.append(proceed)
        return false
      }
      state.free -= 1
      return true
    }
    if isFree { proceed() }
  }

  package func giveBack() {
    let next = state.withLock { state -> (@Sendable () -> Void)? in
      guard !state.waiting.isEmpty else {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?()
  }
}
