import Foundation
import Testing

extension EndToEndTests {
  /// What `--max-unpacked` and `--max-entries` hold back.
  @Suite("limits of unpacking", .serialized)
  struct UnpackLimitTests {
    /// Runs `body` with an image of a few KiB that has 8 MiB, unpacked.
    private func withBomb(_ body: (_ source: String, KontorClient) async throws -> Void) async throws {
      try Tool.require(.umoci)
      try await KontorClient.with { client in
        let layout = "\(client.home)/layout"
        let zeros = "\(client.home)/zeros"
        try FileManager.default.createDirectory(atPath: zeros, withIntermediateDirectories: true)
        try Data(count: 8 << 20).write(to: URL(filePath: "\(zeros)/file"))
        try await Tool.umoci.run("init", "--layout", layout)
        try await Tool.umoci.run("new", "--image", "\(layout):bomb")
        try await Tool.umoci.run("insert", "--image", "\(layout):bomb", zeros, "/usr")
        try await Tool.umoci.run("config", "--image", "\(layout):bomb", "--config.cmd", "/usr/file")
        try await body("oci:\(layout):bomb", client)
      }
    }

    /// What is in the directory of the places.
    private func names(_ places: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: places)
    }

    @Test(
      "a bomb of a layer is stopped at the limit, and nothing of it is left at the place",
      arguments: [
        "rootfs", "rootfs-tar", "runc", "lxc", "lxd-image", "nspawn", "docker-archive",
      ])
    func destinations(transport: String) async throws {
      try await withBomb { source, client in
        let places = "\(client.home)/places"
        try FileManager.default.createDirectory(atPath: places, withIntermediateDirectories: true)
        let copy = ["copy", source, "\(transport):\(places)/place"]
        let bytes = try await client.attempt(copy + ["--max-unpacked", "1MiB"])
        #expect(bytes.exit == .code(1) && bytes.output == "")
        #expect(
          bytes.error.contains("the limit of 1MiB: raise it with --max-unpacked"), "\(bytes.error)")
        #expect(try names(places) == [])
        if transport != "docker-archive" {
          let files = try await client.attempt(copy + ["--max-entries", "1"])
          #expect(files.exit == .code(1))
          #expect(files.error.contains("the limit of 1: raise it with --max-entries"), "\(files.error)")
          #expect(try names(places) == [])
        }
        let enough = try await client.attempt(copy + ["--max-unpacked", "9MiB", "--max-entries", "9"])
        #expect(enough.exit == .code(0), "\(enough.error)")
        #expect(try names(places).contains("place"))
        client.expectNoStaging()
      }
    }

    @Test("a bomb of an archive is stopped at the limit, and nothing of it is left in the staging area")
    func sources() async throws {
      try Tool.require(.tar)
      try await withBomb { source, client in
        let tree = "\(client.home)/tree"
        try FileManager.default.createDirectory(
          atPath: "\(tree)/blobs/sha256", withIntermediateDirectories: true)
        let zeros = Data(count: 8 << 20)
        let hex = sha256(zeros).dropFirst("sha256:".count)
        try zeros.write(to: URL(filePath: "\(tree)/blobs/sha256/\(hex)"))
        try await Tool.tar.run("-czf", "\(client.home)/oci.tar.gz", "-C", tree, ".")
        try await client.run("copy", source, "docker-archive:\(client.home)/docker.tar")
        try await client.run("copy", source, "rootfs-tar:\(client.home)/root.tar.gz")
        for archive in ["oci-archive:\(client.home)/oci.tar.gz", "docker-archive:\(client.home)/docker.tar"]
          + ["rootfs-tar:\(client.home)/root.tar.gz"]
        {
          let copy = ["copy", archive, "oci:\(client.home)/copy:x"]
          let bytes = try await client.attempt(copy + ["--max-unpacked", "1MiB"])
          #expect(bytes.exit == .code(1))
          #expect(
            bytes.error.contains("the limit of 1MiB: raise it with --max-unpacked"), "\(bytes.error)")
          let files = try await client.attempt(copy + ["--max-entries", "1"])
          #expect(files.exit == .code(1))
          #expect(files.error.contains("the limit of 1: raise it with --max-entries"), "\(files.error)")
          #expect(!FileManager.default.fileExists(atPath: "\(client.home)/copy"))
          client.expectNoStaging()
        }
      }
    }

    @Test(
      "a limit that is none is refused",
      arguments: [
        (["--max-unpacked", "much"], "a size from 1B to 1024TiB"), (["--max-unpacked", "0"], "a size from"),
        (["--max-entries", "0"], "from 1 on"),
      ])
    func malformed(arguments: [String], reason: String) async throws {
      try await KontorClient.with { client in
        let result = try await client.attempt(["copy", "oci:/nowhere", "rootfs:x"] + arguments)
        #expect(result.exit == .code(2), "\(result.error)")
        #expect(result.error.contains(reason), "\(result.error)")
      }
    }
  }
}
