import Foundation

/// strace(1) attached to a running server and all its threads, to watch its system calls or to make some of them fail.
struct Strace: Sendable {
  private let daemon: Daemon
  private let traceFile: String

  /// Attaches to `pid` with strace's own `arguments`, and returns when every thread is traced.
  static func attach(to pid: pid_t, _ arguments: [String], in directory: String) async throws -> Strace {
    let file = "\(directory)/trace-\(UUID().uuidString.prefix(8))"
    let daemon = try await Daemon.start(
      try Tool.strace.path(), arguments + ["-f", "-y", "-s", "160", "-o", file, "-p", "\(pid)"],
      logIn: directory)
    try await daemon.waitFor("being attached") { $0.log.contains(" attached") ? true : nil }
    return Strace(daemon: daemon, traceFile: file)
  }

  /// Runs `body` while strace is attached, then detaches; returns what it traced.
  @discardableResult
  static func during(
    _ arguments: [String], of kontor: KontorProcess, _ body: () async throws -> Void
  ) async throws -> [SystemCall] {
    try Tool.require(.strace)
    return try await Scratch.withDirectory("strace") { directory in
      let strace = try await attach(to: kontor.pid, arguments, in: directory)
      try await running(body) { await strace.detach() }
      return SystemCall.parse(try String(contentsOfFile: strace.traceFile, encoding: .utf8))
    }
  }

  /// Lets the server go on alone.
  private func detach() async { await daemon.stop(SIGINT) }
}
