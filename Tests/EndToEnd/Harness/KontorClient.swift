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

  /// Runs a command, which may fail.
  func attempt(_ arguments: [String], input: Data = Data()) async throws -> KontorCommand.Result {
    let own = [
      "HOME": home, "XDG_CACHE_HOME": "\(home)/cache", "XDG_RUNTIME_DIR": "\(home)/run",
      "XDG_CONFIG_HOME": "\(home)/config", "REGISTRY_AUTH_FILE": "\(home)/auth.json", "DOCKER_CONFIG": "",
    ]
    return try await KontorCommand.run(
      arguments, environment: own.merging(environment) { $1 }, input: input)
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

/// Debian's docker-registry, as a counterpart that is not ours.
struct DockerRegistryServer: Sendable {
  let hostAndPort: String

  /// The user and password of a registry that wants some.
  static let (user, password) = ("trader", "open sesame")
  /// That user as `htpasswd -B` writes it: the password's bcrypt hash.
  private static let passwordFile = user + ":$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"

  /// - Parameter wantsLogin: whether it lets in `user` alone.
  static func with(
    wantsLogin: Bool = false, _ body: (DockerRegistryServer) async throws -> Void
  ) async throws {
    try Tool.require(.dockerRegistry)
    try await Scratch.withDirectory("docker-registry") { directory in
      let configuration = "\(directory)/config.yml"
      let text = """
        version: 0.1
        storage:
          filesystem:
            rootdirectory: \(directory)/data
          delete:
            enabled: true
        http:
          addr: 127.0.0.1:0

        """
      let login = "auth:\n  htpasswd:\n    realm: trade\n    path: \(directory)/passwords\n"
      try Data(passwordFile.utf8).write(to: URL(filePath: "\(directory)/passwords"))
      try Data((text + (wantsLogin ? login : "")).utf8).write(to: URL(filePath: configuration))
      let daemon = try await Daemon.start(
        try Tool.dockerRegistry.path(), ["serve", configuration], logIn: directory)
      try await running {
        let address = try await daemon.waitFor("its listening line") { daemon -> String? in
          guard let start = daemon.log.range(of: "listening on ") else { return nil }
          let rest = daemon.log[start.upperBound...]
          let address = rest.prefix { $0.isNumber || $0 == "." || $0 == ":" }
          return address.endIndex < rest.endIndex ? String(address) : nil
        }
        try await body(DockerRegistryServer(hostAndPort: address))
      } finally: {
        await daemon.stop()
      }
    }
  }
}
