import Foundation

/// A Docker daemon of the test's own: its own data, socket and containerd, without networks.
struct DockerDaemon: Sendable {
  /// Its socket's path.
  let socket: String

  /// Runs `body` with a new daemon, which ends afterwards with all that it started.
  /// - Parameter arguments: further ones of dockerd.
  static func with(
    _ arguments: [String] = [], _ body: (DockerDaemon) async throws -> Void
  ) async throws {
    try Tool.require(.docker, .dockerd, .containerd)
    try await Scratch.withDirectory("docker") { directory in
      let socket = "\(directory)/docker.sock"
      let daemon = try await Daemon.start(
        try Tool.dockerd.path(),
        [
          "--data-root", "\(directory)/data", "--exec-root", "\(directory)/exec",
          "-H", "unix://\(socket)", "--pidfile", "\(directory)/pid", "--storage-driver", "vfs",
          "--iptables=false", "--ip6tables=false", "--bridge=none",
        ] + arguments, logIn: directory)
      let docker = DockerDaemon(socket: socket)
      try await running {
        try await daemon.waitFor("answering") { _ in
          try await docker.attempt("version").succeeded ? true : nil
        }
        try await body(docker)
      } finally: {
        await daemon.stop()
        // What the daemon's own containerd leaves mounted would keep the directory from being removed.
        await Mounts.detachAll(below: directory)
      }
    }
  }

  /// Runs `body` while Docker trusts a registry's authority, as an operator tells it: `/etc/docker/certs.d/HOST:PORT/ca.crt`.
  static func trusting(_ endpoint: Endpoint, _ body: () async throws -> Void) async throws {
    let certificates = "/etc/docker/certs.d/\(endpoint.hostAndPort)"
    try await running {
      try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: endpoint.authority.certificate, toPath: "\(certificates)/ca.crt")
      try await body()
    } finally: {
      try? FileManager.default.removeItem(atPath: certificates)
    }
  }

  /// Runs a command of Docker's client; throws unless it exits with 0.
  @discardableResult
  func run(_ arguments: String...) async throws -> Command.Output { try await command(arguments).run() }

  /// Runs a command of Docker's client, which may fail.
  func attempt(_ arguments: String...) async throws -> Command.Output {
    try await command(arguments).attempt()
  }

  private func command(_ arguments: [String]) -> Command {
    Command(tool: .docker, arguments: ["-H", "unix://\(socket)"] + arguments)
  }
}
