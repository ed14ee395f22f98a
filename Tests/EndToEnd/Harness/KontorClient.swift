import Foundation
import Testing

/// `kontor` as a user runs it, with a home of its own.
struct KontorClient: Sendable {
  struct Failure: Error, CustomStringConvertible {
    var arguments: [String]
    var result: KontorCommand.Result
    var description: String {
      "kontor \(arguments.joined(separator: " ")) ended with \(result.exit)\n\(result.error)\n\(result.output)"
    }
  }

  let home: String
  /// Variables beside those that name the home.
  var environment: [String: String] = [:]

  /// Runs `body` with a client whose home is removed afterwards.
  static func with(_ body: (KontorClient) async throws -> Void) async throws {
    try await Scratch.withDirectory("home") { try await body(KontorClient(home: $0)) }
  }

  /// All that a command gets.
  var variables: [String: String] {
    let own = [
      "HOME": home, "XDG_CACHE_HOME": "\(home)/cache", "XDG_RUNTIME_DIR": "\(home)/run",
      "XDG_CONFIG_HOME": "\(home)/config", "REGISTRY_AUTH_FILE": "\(home)/auth.json", "DOCKER_CONFIG": "",
    ]
    return own.merging(environment) { $1 }
  }

  /// Runs a command, which may fail.
  func attempt(_ arguments: [String], input: Data = Data()) async throws -> KontorCommand.Result {
    try await KontorCommand.run(arguments, environment: variables, input: input)
  }

  /// Starts a command that is the caller's to end.
  /// - Parameter error: its standard error; nil for the log.
  func start(
    _ arguments: [String], environment more: [String: String] = [:], error: Int32? = nil
  ) async throws -> Daemon {
    try await Daemon.start(
      try KontorProcess.binary(), arguments, environment: variables.merging(more) { $1 }, error: error,
      logIn: home)
  }

  /// Runs a command; throws unless it exits with 0.
  /// - Returns: its standard output without the line's end.
  @discardableResult
  func run(_ arguments: String..., input: Data = Data()) async throws -> String {
    let result = try await attempt(arguments, input: input)
    guard result.exit == .code(0) else { throw Failure(arguments: arguments, result: result) }
    return result.output.trimmingCharacters(in: .newlines)
  }

  /// Requires that nothing is left of what was on its way.
  func expectNoStaging() {
    let left = (try? FileManager.default.contentsOfDirectory(atPath: "\(home)/cache/kontor/staging")) ?? []
    #expect(left == [])
  }
}

extension Endpoint {
  /// What `kontor` needs to trust this registry.
  var clientFlags: [String] { transport == .https ? ["--ca-cert", authority.certificate] : [] }
}
