import Foundation

/// A program that serves until a test ends it, with everything it wrote to stdout and stderr kept in a file.
struct Daemon: Sendable {
  struct Failure: Error, CustomStringConvertible {
    var name: String
    var problem: String
    var log: String
    var description: String { "\(name) \(problem). The end of its log:\n\(log.suffix(4000))" }
  }

  let name: String
  let process: ChildProcess
  private let logPath: String

  /// Starts `tool` or the program at `path`; its log goes to a file in `directory`, which must outlive it. What it writes
  /// to its standard error goes to `error` if that is not nil.
  static func start(
    _ path: String, _ arguments: [String], environment: [String: String] = [:], error: Int32? = nil,
    logIn directory: String
  ) async throws -> Daemon {
    let name = (path as NSString).lastPathComponent
    let logPath = "\(directory)/\(name)-\(UUID().uuidString.prefix(8)).log"
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { for descriptor in [log, nothing] { close(descriptor) } }
    let process = try await ChildProcess.start(
      path, arguments, environment: environment, input: nothing, output: log, error: error ?? log)
    return Daemon(name: name, process: process, logPath: logPath)
  }

  /// What the program has written so far.
  var log: String {
    (try? Data(contentsOf: URL(filePath: logPath))).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Waits until `answer` is not nil; throws when the program ends first, or after a minute.
  @discardableResult
  func waitFor<Answer>(_ what: String, _ answer: (Daemon) async throws -> Answer?) async throws -> Answer {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      if let found = try await answer(self) { return found }
      if let exit = process.exit { throw failure("ended with \(exit) before \(what)") }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw failure("was not seen to reach \(what) within a minute")
  }

  func failure(_ problem: String) -> Failure { Failure(name: name, problem: problem, log: log) }

  /// Asks the program to end and waits for it; kills it when that takes more than half a minute.
  @discardableResult
  func stop(_ signal: Int32 = SIGTERM) async -> ChildProcess.Exit? {
    process.send(signal)
    return await process.wait(atMost: .seconds(30))
  }

  /// Kills the program and waits for its end.
  func kill() async {
    process.killGroup()
    _ = await process.wait()
  }
}
