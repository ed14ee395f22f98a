import Foundation
import Testing

extension EndToEndTests {
  /// `--dry-run` says what would be copied, and writes nothing.
  @Suite("dry runs", .serialized)
  struct DryRunTests {
    /// Runs `body` with an image, a client, and an empty directory for places.
    private func withPlaces(
      _ body: (_ source: String, _ places: String, KontorClient) async throws -> Void
    ) async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        let places = "\(client.home)/places"
        try FileManager.default.createDirectory(atPath: places, withIntermediateDirectories: true)
        try await body(images.source("hello"), places, client)
        client.expectNoStaging()
      }
    }

    @Test(
      "nothing is made at any place",
      arguments: [
        "oci", "oci-archive", "docker-archive", "runc", "rootfs", "rootfs-tar", "lxc", "lxd-image", "nspawn",
      ])
    func destinations(transport: String) async throws {
      try await withPlaces { source, places, client in
        let destination = "\(transport):\(places)/place"
        let result = try await client.attempt(["copy", "--dry-run", source, destination])
        #expect(result.exit == .code(0), "\(result.error)")
        #expect(result.error.components(separatedBy: "would copy sha256:").count == 3, "\(result.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: places) == [])

        // What would refuse the copy refuses it already now.
        try Data("kept".utf8).write(to: URL(filePath: "\(places)/place"))
        let taken = try await client.attempt(["copy", "--dry-run", source, destination])
        #expect(taken.exit == .code(1) && taken.error.contains("is there"), "\(taken.error)")
        #expect(try String(contentsOfFile: "\(places)/place", encoding: .utf8) == "kept")
      }
    }

    @Test("a directory that is there and empty stays the same one")
    func emptyDirectory() async throws {
      try await withPlaces { source, places, client in
        let place = "\(places)/place"
        try FileManager.default.createDirectory(
          atPath: place, withIntermediateDirectories: false, attributes: [.ownerAccountID: 1234])
        func attributes() throws -> [AnyHashable?] {
          let found = try FileManager.default.attributesOfItem(atPath: place)
          return [.systemFileNumber, .ownerAccountID, .modificationDate].map { found[$0] as? AnyHashable }
        }
        let before = try attributes()
        try await client.run("copy", "--dry-run", source, "rootfs:\(place)")
        #expect(try attributes() == before)
        try await client.run("copy", source, "rootfs:\(place)")
        #expect(FileManager.default.fileExists(atPath: "\(place)/bin/busybox"))
      }
    }

    @Test(
      "an archive is read for it, and what that took is gone afterwards",
      arguments: ["oci-archive", "docker-archive", "rootfs-tar"])
    func sources(transport: String) async throws {
      try await withPlaces { source, places, client in
        let archive = "\(transport):\(client.home)/archive"
        try await client.run("copy", source, archive)
        let result = try await client.attempt(["copy", "--dry-run", archive, "oci:\(places)/place"])
        #expect(result.exit == .code(0) && result.output.hasPrefix("sha256:"), "\(result.error)")
        #expect(result.error.components(separatedBy: "would copy sha256:").count == 3, "\(result.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: places) == [])
      }
    }
  }
}
