import Foundation

/// podman with a storage of the test's own.
struct Podman: Sendable {
  /// What leads podman there, also when another program starts it.
  let environment: [String: String]

  /// Runs `body` with a new storage, which goes away afterwards.
  static func with(_ body: (Podman) async throws -> Void) async throws {
    try Tool.require(.podman)
    try await Scratch.withDirectory("podman") { directory in
      let storage = """
        [storage]
        driver = "vfs"
        graphroot = "\(directory)/root"
        runroot = "\(directory)/run"

        """
      let engine = """
        [engine]
        cgroup_manager = "cgroupfs"
        tmp_dir = "\(directory)/tmp"

        """
      try Data(storage.utf8).write(to: URL(filePath: "\(directory)/storage.conf"))
      try Data(engine.utf8).write(to: URL(filePath: "\(directory)/containers.conf"))
      let podman = Podman(environment: [
        "CONTAINERS_STORAGE_CONF": "\(directory)/storage.conf",
        "CONTAINERS_CONF": "\(directory)/containers.conf",
      ])
      try await running {
        try await body(podman)
      } finally: {
        await Mounts.detachAll(below: directory)
      }
    }
  }

  @discardableResult
  func run(_ arguments: [String]) async throws -> Command.Output {
    try await Command(tool: .podman, arguments: arguments, environment: environment).run()
  }
}
