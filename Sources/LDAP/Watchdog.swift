import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Ends a socket on which an operation takes too long.
///
/// libldap's own timeouts end before the first byte of an answer only: a directory that sends half of one, or that is
/// silent in a TLS handshake, would keep the thread for ever.
///
/// Sendable by a lock.
final class Watchdog: Sendable {
  private struct State {
    /// A duplicate. libldap may close its own one at any time, and the number could then be that of another file.
    var socket: Int32
    var deadline: SuspendingClock.Instant?
    var hasCut = false
  }

  private static let queue = DispatchQueue(label: "LDAP.watchdog")

  private let state: Mutex<State>

  /// - Returns: nil if there are too many open files.
  init?(watching socket: Int32) {
    let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    guard duplicate >= 0 else { return nil }
    state = Mutex(State(socket: duplicate))
  }

  deinit { state.withLock { _ = close($0.socket) } }

  /// Whether the socket was ended. All that was asked on it then failed for that reason.
  var hasCut: Bool { state.withLock { $0.hasCut } }

  /// Runs a body, and ends the socket if that has not returned in time.
  func watch<Value>(_ limit: Duration, _ body: () throws(LDAPError) -> Value) throws(LDAPError) -> Value {
    state.withLock { $0.deadline = .now + limit }
    let timer = DispatchSource.makeTimerSource(queue: Self.queue)
    let microseconds = limit / .microseconds(1)
    // Again and again, in case that its clock is ahead.
    timer.schedule(
      deadline: .now() + .microseconds(Int(microseconds.rounded(.up))), repeating: .milliseconds(50))
    timer.setEventHandler { [weak self] in self?.cutIfLate() }
    timer.activate()
    defer {
      timer.cancel()
      state.withLock { $0.deadline = nil }
    }
    return try body()
  }

  private func cutIfLate() {
    state.withLock { state in
      guard let deadline = state.deadline, .now >= deadline, !state.hasCut else { return }
      state.hasCut = true
      shutdown(state.socket, Int32(SHUT_RDWR))
    }
  }
}
