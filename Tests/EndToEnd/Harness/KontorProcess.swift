import Foundation
import Testing

/// The built `kontor serve` on a port of the kernel's choice.
struct KontorProcess: Sendable {
  /// What a test may set about a server; the rest is as an operator finds it.
  struct Settings: Sendable {
    var transport = Transport.http
    var host = "127.0.0.1"
    /// The directory of the registry's data; nil makes one that is removed with the server.
    var data: String?
    /// Keys of the configuration, as environment variables.
    var environment: [String: String] = [:]
  }

  struct NoBinary: Error, CustomStringConvertible {
    var tried: String
    var description: String {
      "no executable at \(tried): build the package, or name the binary in KONTOR_BINARY"
    }
  }

  let daemon: Daemon
  let endpoint: Endpoint
  let data: String

  var pid: pid_t { daemon.process.pid }
  var log: String { daemon.log }

  /// The binary under test: `KONTOR_BINARY`, else the one built beside this test bundle.
  static func binary() throws -> String {
    let named = ProcessInfo.processInfo.environment["KONTOR_BINARY"]
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = named ?? (tests as NSString).deletingLastPathComponent + "/kontor"
    guard access(path, X_OK) == 0 else { throw NoBinary(tried: path) }
    return path
  }

  /// Runs `body` with a new server, then ends the server with SIGTERM and expects exit code 0.
  ///
  /// When `body` throws, the server is killed and the end of its log is recorded with the failure.
  static func with(
    _ settings: Settings = Settings(), sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (KontorProcess) async throws -> Void
  ) async throws {
    try await Scratch.withDirectory("kontor") { directory in
      let kontor = try await start(settings, in: directory)
      do {
        try await body(kontor)
        if kontor.daemon.process.exit == nil { try await kontor.stop() }
      } catch {
        await kontor.kill()
        if !(error is Daemon.Failure) {
          Issue.record(
            "The server's log ends with:\n\(kontor.log.suffix(4000))", sourceLocation: sourceLocation)
        }
        throw error
      }
    }
  }

  /// Runs `body` with a new server that is reached by `transport`.
  static func with(
    _ transport: Transport, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (KontorProcess) async throws -> Void
  ) async throws {
    try await with(Settings(transport: transport), sourceLocation: sourceLocation, body)
  }

  /// Starts a server and waits until it listens. Its log goes to a file in `directory`.
  static func start(_ settings: Settings = Settings(), in directory: String) async throws -> KontorProcess {
    try Tool.require()
    let data = settings.data ?? "\(directory)/data"
    let authority = try await PrivateCA.shared
    var arguments = ["serve", "--listen", "\(settings.host):0", "--data", data]
    if settings.transport == .https {
      arguments += ["--tls-cert", authority.serverCertificate, "--tls-key", authority.serverKey]
    }
    if !settings.host.hasPrefix("127.") { arguments.append("--insecure") }
    let daemon = try await Daemon.start(
      try binary(), arguments, environment: settings.environment, logIn: directory)
    do {
      let port = try await daemon.waitFor("its listening line") { daemon in
        listeningPort(in: daemon.log, scheme: settings.transport.rawValue)
      }
      let endpoint = Endpoint(
        transport: settings.transport, host: settings.host, port: port, authority: authority)
      return KontorProcess(daemon: daemon, endpoint: endpoint, data: data)
    } catch {
      await daemon.kill()
      throw error
    }
  }

  /// The port in `listening on http://HOST:PORT`; nil while that line, with its end, is not there.
  private static func listeningPort(in log: String, scheme: String) -> Int? {
    guard let start = log.range(of: "listening on \(scheme)://") else { return nil }
    let rest = log[start.upperBound...]
    guard let end = rest.firstIndex(of: "\n") else { return nil }
    let authority = rest[..<end].prefix { !"\"/ ,".contains($0) }
    return authority.split(separator: ":").last.flatMap { Int($0) }
  }

  /// Ends the server as an operator does; throws unless it exits with 0.
  func stop() async throws {
    let exit = await daemon.stop()
    guard exit == .code(0) else {
      throw daemon.failure(
        "got SIGTERM and \(exit.map { "ended with \($0)" } ?? "did not end within half a minute")")
    }
  }

  /// Ends the server as a power cut or the kernel's memory killer does.
  func kill() async { await daemon.kill() }
}
