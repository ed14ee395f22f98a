import Foundation
import Testing

extension EndToEndTests {
  /// Bundles that a user without root makes and runs.
  @Suite("rootless bundles", .serialized)
  struct RootlessTests {
    /// Debian's user `nobody`, who has a name, as newuidmap wants.
    private static let user = "65534"

    /// Runs `body` with an image that runs as the user 1000, and a directory of the user's own.
    private func withImage(_ body: (_ reference: String, _ home: String) async throws -> Void) async throws {
      try Tool.require(.umoci, .runc, .newuidmap, .unshare)
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let layout = "\(client.home)/layout"
          try await client.run("copy", images.source("hello"), "oci:\(layout):hello")
          try await Tool.umoci.run(
            "config", "--image", "\(layout):hello", "--config.user", "1000:1001", "--config.cmd", "/bin/sh",
            "--config.cmd", "-c", "--config.cmd", "/bin/busybox id; /bin/busybox cat /proc/self/uid_map")
          let reference = kontor.endpoint.reference("trade/user:v1")
          try await client.run("push", "oci:\(layout):hello", reference)

          // The run's own directory is closed to others.
          let home = "/var/tmp/kontor-rootless-\(UUID().uuidString)"
          defer { try? FileManager.default.removeItem(atPath: home) }
          try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: false, attributes: [.ownerAccountID: 65534])
          try await body(reference, home)
        }
      }
    }

    /// Runs a program as the user, with these lines in `/etc/subuid` and `/etc/subgid`.
    private func asUser(_ home: String, ids: String, _ command: [String]) async throws -> Command.Output {
      let file = try Scratch.directory("ids") + "/ids"
      try Data(ids.utf8).write(to: URL(filePath: file))
      let script = """
        mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && \
        exec setpriv --reuid=\(Self.user) --regid=\(Self.user) --clear-groups -- "$@"
        """
      return try await Command(
        tool: .unshare, arguments: ["--mount", "sh", "-c", script, "sh", file] + command,
        environment: ["HOME": home, "XDG_CACHE_HOME": "\(home)/cache", "XDG_RUNTIME_DIR": "\(home)/run"]
      ).attempt()
    }

    private func pull(_ reference: String, _ home: String, ids: String) async throws -> Command.Output {
      let program = try KontorProcess.binary()
      let bundle = "runc:\(home)/bundle"
      return try await asUser(home, ids: ids, [program, "pull", reference, "--to", bundle, "--rootless"])
    }

    @Test("with subordinate ids the image's own user runs; its files are root's, and a note says so")
    func subordinates() async throws {
      try await withImage { reference, home in
        let pulled = try await pull(reference, home, ids: "nobody:200000:65536\n")
        #expect(pulled.succeeded, "\(pulled.errorText)")
        #expect(pulled.errorText.contains("all files belong to the container's root"), "\(pulled.errorText)")
        let runc = [try Tool.runc.path(), "--root", "\(home)/state", "run", "--bundle", "\(home)/bundle"]
        let run = try await asUser(home, ids: "nobody:200000:65536\n", runc + ["kontor-\(UUID().uuidString)"])
        #expect(run.succeeded, "\(run.errorText)")
        let lines = run.text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines == ["uid=1000 gid=1001", "0 65534 1", "1 200000 65536"], "\(run.text)")
      }
    }

    @Test("without them there is no such user, and the message says what to do")
    func none() async throws {
      try await withImage { reference, home in
        let pulled = try await pull(reference, home, ids: "somebody:200000:65536\n")
        #expect(pulled.exit == .code(1))
        #expect(
          pulled.errorText.contains("no such user") && pulled.errorText.contains("/etc/subuid"),
          "\(pulled.errorText)")
        #expect(!FileManager.default.fileExists(atPath: "\(home)/bundle"))
      }
    }
  }
}
