import Dispatch
import Synchronization

/// So many at a time; the others wait in the order in which they came.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiting: [@Sendable () -> Void] = []
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(free: count)) }

  func take() async {
    await withCheckedContinuation { continuation in take { continuation.resume() } }
  }

  /// Blocks the thread.
  func takeBlocking() {
    let turn = DispatchSemaphore(value: 0)
    take { turn.signal() }
    turn.wait()
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

  func giveBack() {
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
