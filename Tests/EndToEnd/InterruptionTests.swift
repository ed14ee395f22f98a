import Foundation
import Testing

extension EndToEndTests {
  /// Ctrl-C and SIGTERM in the middle of a copy.
  @Suite("interrupted copies", .serialized)
  struct InterruptionTests {
    /// Runs `body` with a large image of a registry and a client, whose way to the registry stops in the middle of the layer.
    private func withPausedImage(
      _ body: (_ reference: String, LargeImage, PausingProxy, KontorClient) async throws -> Void
    ) async throws {
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let image = try await LargeImage.push(to: kontor.endpoint, "trade/large:v1", with: client)
          try await PausingProxy.with(to: kontor.endpoint, passing: LargeImage.layerSize / 2) { proxy in
            try await body("\(proxy.hostAndPort)/trade/large:v1", image, proxy, client)
          }
        }
      }
    }

    /// How many bytes are kept, below a directory, of a blob that is not complete.
    private func partialBytes(below directory: String) -> Int {
      let paths = (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []
      let files = paths.filter { $0.contains(".kontor-partial/") }
      return files.reduce(0) { sum, path in
        let size = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(path)")[.size] as? Int
        return sum + (size ?? 0)
      }
    }

    @Test(
      "a pull that is stopped leaves nothing at its place, and the next one goes on where it was",
      arguments: [SIGINT, SIGTERM], ["oci", "rootfs"])
    func stopped(signal: Int32, transport: String) async throws {
      try await withPausedImage { reference, image, proxy, client in
        let places = "\(client.home)/places"
        try FileManager.default.createDirectory(atPath: places, withIntermediateDirectories: true)
        let place = "\(places)/place"
        let destination = "\(transport):\(place)" + (transport == "oci" ? ":v1" : "")
        let pull = ["pull", reference, "--to", destination, "--jobs", "1"]
        let running = try await client.start(pull)
        let kept = transport == "oci" ? place : "\(client.home)/cache"
        try await running.waitFor("the middle of the layer") { _ in
          proxy.paused == 1 && partialBytes(below: kept) > 0 ? true : nil
        }
        #expect(await running.stop(signal) == .code(1))
        #expect(running.log.hasSuffix("kontor: stopped\n"), "\(running.log)")
        if transport == "oci" {
          #expect(try OCILayout(path: place).index().manifests?.isEmpty == true)
        } else {
          #expect(try FileManager.default.contentsOfDirectory(atPath: places) == [])
        }
        #expect(partialBytes(below: kept) > 0)
        #expect(!proxy.requests.contains("Range:"))

        proxy.resume()
        let again = try await client.attempt(pull)
        #expect(again.exit == .code(0) && again.output == image.digest + "\n", "\(again.error)")
        #expect(proxy.requests.contains("Range: bytes="))
        #expect(partialBytes(below: kept) == 0)
        if transport == "oci" {
          let layout = OCILayout(path: place)
          let layer = try #require(try layout.manifest(image.digest).layers?.first)
          #expect(sha256(try layout.blob(layer.digest)) == layer.digest)
        } else {
          #expect(try Data(contentsOf: URL(filePath: "\(place)/file0")) == image.files[0])
          #expect(try FileManager.default.contentsOfDirectory(atPath: places) == ["place"])
        }
        client.expectNoStaging()
      }
    }

    @Test("a second signal ends a command that does not stop", arguments: [SIGINT, SIGTERM])
    func ended(signal: Int32) async throws {
      try await withPausedImage { reference, image, proxy, client in
        proxy.resume()
        // The layer is another copy's, and waits for that as long as it is held.
        let layout = OCILayout(path: "\(client.home)/large-layout")
        let layer = try #require(try layout.manifest(image.digest).layers?.first)
        let place = "\(client.home)/place"
        try FileManager.default.createDirectory(
          atPath: "\(place)/.kontor-partial", withIntermediateDirectories: true)
        try Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8).write(to: URL(filePath: "\(place)/oci-layout"))
        let partial = "\(place)/.kontor-partial/\(layer.digest.dropFirst("sha256:".count))"
        let held = open(partial, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(held) }
        try #require(flock(held, LOCK_EX) == 0)
        let running = try await client.start(["pull", reference, "--to", "oci:\(place):v1"])
        try await running.waitFor("waiting for the lock") { running in
          let locks = try String(contentsOfFile: "/proc/locks", encoding: .utf8)
          let waiting = locks.split(separator: "\n").filter { $0.contains("->") }
          return waiting.contains { $0.contains(" \(running.process.pid) ") } ? true : nil
        }
        // Signals of one number that come together are one: so there may be more than two.
        while running.process.exit == nil {
          running.process.send(signal)
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(running.process.exit == .code(130))
      }
    }
  }
}
