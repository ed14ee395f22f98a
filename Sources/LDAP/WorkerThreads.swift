import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A few threads for what blocks, so that neither event loops nor tasks wait for it. What comes first is begun first.
///
/// Sendable by a lock, which is held for a look at the queue only.
final class WorkerThreads: Sendable {
  private struct Job: Sendable {
    let asked: ContinuousClock.Instant
    /// Given whether it waited too long, and is not to be begun any more.
    let run: @Sendable (_ isLate: Bool) -> Void
  }

  private struct State {
    var running = 0
    var waiting: [Job] = []
  }

  private let width: Int
  private let maximumWaiting: Int
  private let longestWait: Duration
  private let state = Mutex(State())

  /// - Parameters:
  ///   - width: how many threads there are at most. None is kept while there is nothing to do.
  ///   - maximumWaiting: how many jobs wait at most.
  ///   - longestWait: a job that waited longer is not begun.
  init(width: Int, maximumWaiting: Int, longestWait: Duration) {
    self.width = width
    self.maximumWaiting = maximumWaiting
    self.longestWait = longestWait
  }

  /// - Returns: what the body returns; nil if it was not begun, as there is too much to do. That the task is
  ///   cancelled does not matter.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(LDAPError) -> Value
  ) async throws(LDAPError) -> Value? {
    let result: Result<Value?, LDAPError> = await withCheckedContinuation { continuation in
      add { isLate in
        guard !isLate else { return continuation.resume(returning: .success(nil)) }
        do throws(LDAPError) {
          continuation.resume(returning: .success(try body()))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  private func add(_ run: @escaping @Sendable (_ isLate: Bool) -> Void) {
    enum Place { case begins, waits, none }
    let job = Job(asked: .now, run: run)
    let place = state.withLock { state -> Place in
      if state.running < width {
        state.running += 1
        return .begins
      }
      guard state.waiting.count < maximumWaiting else { return .none }
      state.waiting.append(job)
      return .waits
    }
    switch place {
    // A serial queue has a thread of its own, however many of the others are blocked.
    case .begins: DispatchQueue(label: "LDAP.worker").async { [self] in work(beginningWith: job) }
    case .waits: break
    case .none: run(true)
    }
  }

  private func work(beginningWith first: Job) {
    Self.withoutPipeSignal {
      var next: Job? = first
      while let job = next {
        job.run(ContinuousClock.now - job.asked > longestWait)
        next = state.withLock { state in
          guard !state.waiting.isEmpty else {
            state.running -= 1
            return nil
          }
          return state.waiting.removeFirst()
        }
      }
    }
  }

  /// libldap writes to sockets whose other end may be closed, which raises SIGPIPE for this thread.
  private static func withoutPipeSignal(_ body: () -> Void) {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    var former = sigset_t()
    pthread_sigmask(SIG_BLOCK, &signals, &former)
    body()
    var none = timespec()
    while sigtimedwait(&signals, nil, &none) > 0 {}
    pthread_sigmask(SIG_SETMASK, &former, nil)
  }
}
