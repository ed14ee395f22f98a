import Foundation
import Synchronization

/// A program that a test started.
///
/// It leads a process group of its own, starts with no signal blocked, and gets SIGKILL when the test run dies, however that
/// happens. The kernel ties that last promise to the *thread* that started the program, so each program has a thread that lives
/// exactly as long: it starts the program, then waits for its end.
final class ChildProcess: Sendable {
  /// How a program ended.
  enum Exit: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)
  }

  struct StartFailure: Error, CustomStringConvertible {
    var program: String
    var reason: String
    var description: String { "cannot start \(program): \(reason)" }
  }

  private struct State {
    var exit: Exit?
    var waiters: [CheckedContinuation<Exit, Never>] = []
  }

  let pid: pid_t
  private let state = Mutex(State())

  private init(pid: pid_t) { self.pid = pid }

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: the absolute path.
  ///   - environment: what is added to (or replaces in) this process's environment.
  ///   - input, output, error: descriptors that become the program's 0, 1 and 2; they stay open here. Every other
  ///     descriptor of the tests is closed when a program starts.
  static func start(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    input: Int32, output: Int32, error: Int32
  ) async throws -> ChildProcess {
    let command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--", program] + arguments
    let merged = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    return try await withCheckedThrowingContinuation { continuation in
      let thread = Thread {
        switch spawn(command, merged, [input, output, error]) {
        case .failure(let failure):
          continuation.resume(throwing: failure)
        case .success(let pid):
          let child = ChildProcess(pid: pid)
          continuation.resume(returning: child)
          child.reap()
        }
      }
      thread.start()
    }
  }

  private static func spawn(
    _ command: [String], _ environment: [String: String], _ descriptors: [Int32]
  ) -> Result<pid_t, StartFailure> {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, command[0], &actions, &attributes, &arguments, &variables)
    guard result == 0 else {
      return .failure(StartFailure(program: command[0], reason: String(cString: strerror(result))))
    }
    return .success(pid)
  }

  private func reap() {
    // The number stays taken until the lock is held, so that `send` can never reach a stranger.
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    let (exit, waiters) = state.withLock { state in
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      let signal = status & 0x7f
      let exit: Exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
      state.exit = exit
      defer { state.waiters = [] }
      return (exit, state.waiters)
    }
    for waiter in waiters { waiter.resume(returning: exit) }
  }

  /// How the program ended; nil while it runs.
  var exit: Exit? { state.withLock { $0.exit } }

  /// Sends a signal, unless the program has ended.
  func send(_ signal: Int32) {
    state.withLock { if $0.exit == nil { _ = Foundation.kill(pid, signal) } }
  }

  /// Ends the program and every program of its process group at once.
  func killGroup() {
    _ = Foundation.kill(-pid, SIGKILL)
    send(SIGKILL)
  }

  /// Waits for the program's end.
  func wait() async -> Exit {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Exit? in
        if state.exit == nil { state.waiters.append(continuation) }
        return state.exit
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Waits for the program's end; when it still runs after `limit`, kills its process group and returns nil.
  func wait(atMost limit: Duration) async -> Exit? {
    let deadline = ContinuousClock.now + limit
    let watchdog = Task {
      try await Task.sleep(until: deadline, clock: .continuous)
      killGroup()
    }
    let exit = await wait()
    watchdog.cancel()
    return ContinuousClock.now < deadline || exit != .signal(SIGKILL) ? exit : nil
  }
}
