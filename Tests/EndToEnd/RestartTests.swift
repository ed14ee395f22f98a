import Foundation
import Testing

extension EndToEndTests {
  /// What the server's end, wanted or not, means for its clients.
  @Suite("restart", .serialized)
  struct RestartTests {
    @Test("what skopeo pushed is there after SIGKILL")
    func killAndStartAgain() async throws {
      try Tool.require(.skopeo, .curl)
      let images = try await TestImage.shared
      try await Scratch.withDirectory("data") { data in
        var repositories: [String] = []
        for round in 1...3 {
          try await KontorProcess.with(.init(data: data)) { kontor in
            let endpoint = kontor.endpoint
            for repository in repositories {
              try await Scratch.withDirectory("pulled") { directory in
                try await Command(
                  tool: .skopeo,
                  arguments: ["--insecure-policy", "copy", "--all"] + endpoint.trustFlags(side: "src-")
                    + [endpoint.docker("\(repository):v1"), "oci:\(directory)/layout:pulled"]
                ).run()
                let layout = OCILayout(path: "\(directory)/layout")
                let expected = try images.layout.descriptor(tag: images.multi).digest
                let pulled = try layout.descriptor(tag: "pulled").digest
                #expect(pulled == expected)
              }
            }
            let repository = "trade/round-\(round)"
            try await Command(
              tool: .skopeo,
              arguments: ["--insecure-policy", "copy", "--all"] + endpoint.trustFlags(side: "dest-")
                + [images.source(images.multi), endpoint.docker("\(repository):v1")]
            ).run()
            repositories.append(repository)
            await kontor.kill()
          }
        }
      }
    }

    @Test("an upload session outlives SIGKILL")
    func uploadSessionSurvives() async throws {
      try Tool.require(.curl)
      try await Scratch.withDirectory("data") { data in
        var generator = SeededGenerator(seed: 7)
        let blob = generator.data(2_000_000)
        var path = ""
        try await KontorProcess.with(.init(data: data)) { kontor in
          let curl = Curl(endpoint: kontor.endpoint)
          let location = try await curl.startUpload("trade/api")
          let sent = try await curl.expect(
            202, "PATCH", location, headers: ["Content-Range": "0-999999"], body: blob.prefix(1_000_000))
          path = PlainHTTP(kontor.endpoint).path(of: try #require(sent["Location"]))
          await kontor.kill()
        }
        try await KontorProcess.with(.init(data: data)) { kontor in
          let curl = Curl(endpoint: kontor.endpoint)
          let status = try await curl.expect(204, "GET", path)
          let range = try #require(status["Range"])
          // Only what a finished upload acknowledges is durable; of a session, what the kernel had still counts.
          #expect(range == "0-999999")
          let location = try #require(status["Location"])
          let rest = try await curl.expect(
            202, "PATCH", location, headers: ["Content-Range": "1000000-1999999"],
            body: Data(blob.dropFirst(1_000_000)))
          try await curl.expect(
            201, "PUT", Curl.url(try #require(rest["Location"]), adding: "digest=\(sha256(blob))"))
          let pulled = try await curl.expect(200, "GET", "/v2/trade/api/blobs/\(sha256(blob))")
          #expect(sha256(pulled.body) == sha256(blob))
        }
      }
    }

    @Test("SIGTERM lets a running download finish", arguments: Transport.allCases)
    func terminationWaitsForTransfers(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        var generator = SeededGenerator(seed: 8)
        let blob = generator.data(32 << 20)
        try await Curl(endpoint: endpoint).pushBlob("trade/api", blob)

        try await Scratch.withDirectory("download") { directory in
          let file = URL(filePath: "\(directory)/blob")
          let trust = endpoint.transport == .https ? ["--cacert", endpoint.authority.certificate] : []
          let download = Command(
            tool: .curl,
            arguments: trust + [
              "-sSf", "--limit-rate", "12M", "-o", file.path,
              endpoint.url("/v2/trade/api/blobs/\(sha256(blob))"),
            ])
          async let finished = download.run()
          // The transfer is under way once its first bytes are here.
          try await kontor.daemon.waitFor("sending the blob") { _ in
            let size = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
            return (size ?? 0) > 0 ? true : nil
          }
          kontor.daemon.process.send(SIGTERM)
          _ = try await finished
          #expect(sha256(try Data(contentsOf: file)) == sha256(blob))
          let exit = await kontor.daemon.process.wait(atMost: .seconds(30))
          #expect(exit == .code(0))
        }
      }
    }
  }
}
