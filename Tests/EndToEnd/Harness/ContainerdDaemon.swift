import Foundation

/// A containerd of the test's own: its own data, state and socket.
struct ContainerdDaemon: Sendable {
  /// Its socket's path.
  let address: String

  /// Runs `body` with a new daemon, which ends afterwards.
  static func with(_ body: (ContainerdDaemon) async throws -> Void) async throws {
    try Tool.require(.containerd, .ctr)
    try await Scratch.withDirectory("containerd") { directory in
      let address = "\(directory)/containerd.sock"
      let daemon = try await Daemon.start(
        try Tool.containerd.path(),
        ["--root", "\(directory)/root", "--state", "\(directory)/state", "--address", address],
        logIn: directory)
      let containerd = ContainerdDaemon(address: address)
      try await running {
        try await daemon.waitFor("answering") { _ in
          try await containerd.command(["version"]).attempt().succeeded ? true : nil
        }
        try await body(containerd)
      } finally: {
        await daemon.stop()
        await Mounts.detachAll(below: directory)
      }
    }
  }

  /// Runs a command of `ctr`; throws unless it exits with 0.
  @discardableResult
  func run(_ arguments: [String]) async throws -> Command.Output { try await command(arguments).run() }

  private func command(_ arguments: [String]) -> Command {
    Command(tool: .ctr, arguments: ["-a", address] + arguments)
  }
}
