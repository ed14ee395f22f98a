import Foundation
import Testing

extension EndToEndTests {
  /// The command line: help, wrong use, and maintenance of a data directory with and without a server.
  @Suite("commands", .serialized)
  struct CommandTests {
    @Test("help and version are answers: on standard output, with exit code 0")
    func help() async throws {
      for arguments in [["--help"], ["help", "serve"], ["--version"]] {
        let run = try await KontorCommand.run(arguments)
        #expect(run.exit == .code(0))
        #expect(!run.output.isEmpty)
        #expect(run.error.isEmpty)
      }
    }

    @Test(
      "wrong use ends with 2 and says what was expected, on standard error",
      arguments: [
        (["serve", "--liste", "x"], "--liste"), (["sreve"], "sreve"),
        (["serve", "--listen", "localhost"], "HOST:PORT"),
        (["serve", "--tls-cert", "a.pem"], "tls.key is not"),
        (["serve", "--log-level", "loud"], "trace, debug"), (["serve", "--data", ""], "--data is empty"),
        (["serve", "--config", "/nowhere.json"], "/nowhere.json"), (["gc", "--grace", "soon"], "1h30m"),
        (["scrub", "--rate", "fast"], "512KiB"),
      ])
    func wrongUse(arguments: [String], expected: String) async throws {
      let run = try await KontorCommand.run(arguments)
      #expect(run.exit == .code(2), "\(arguments)")
      #expect(run.error.contains(expected), "\(run.error)")
      #expect(run.output.isEmpty)
    }

    @Test("what cannot work ends with 1 and says why")
    func failures() async throws {
      let nothing = try await KontorCommand.run("gc", "--data", "/nowhere")
      #expect(nothing.exit == .code(1))
      #expect(nothing.error.contains("no registry's data in /nowhere"))

      try await KontorProcess.with { kontor in
        let second = try await KontorCommand.run("serve", "--listen", "127.0.0.1:0", "--data", kontor.data)
        #expect(second.exit == .code(1))
        #expect(second.error.contains("in use by another kontor process"))

        try await Scratch.withDirectory("other") { other in
          let taken = try await KontorCommand.run(
            "serve", "--listen", kontor.endpoint.hostAndPort, "--data", other)
          #expect(taken.exit == .code(1))
          #expect(taken.error.contains("another process listens there already"))
          let certificate = try await KontorCommand.run(
            "serve", "--listen", "127.0.0.1:0", "--data", other, "--tls-cert", "/etc/hostname", "--tls-key",
            "/etc/hostname")
          #expect(certificate.exit == .code(1))
          #expect(certificate.error.contains("/etc/hostname"))
        }
      }
    }

    @Test(
      "gc lists and removes what no manifest needs, beside a server and without one",
      arguments: [true, false])
    func collection(withServer: Bool) async throws {
      try await Scratch.withDirectory("data") { data in
        let needless = Data("needless".utf8)
        func expectCollection() async throws {
          let kept = try await KontorCommand.run("gc", "--dry-run", "--data", data)
          #expect(kept.exit == .code(0))
          #expect(kept.output == "would remove 0\n")
          let listed = try await KontorCommand.run("gc", "--dry-run", "--grace", "0s", "--data", data)
          #expect(listed.output == "\(sha256(needless)) 8 bytes in trade/goods\nwould remove 1\n")
          let removed = try await KontorCommand.run("gc", "--grace", "0s", "--format", "json", "--data", data)
          #expect(removed.output == #"{"links":1,"blobs":1,"bytes":8,"uploads":0}"# + "\n")
        }
        try await KontorProcess.with(.init(data: data)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          #expect(try await http.pushBlob("trade/goods", needless).status == 201)
          let config = Data("{}".utf8)
          #expect(try await http.pushBlob("trade/goods", config).status == 201)
          let manifest = try OCILayout.Manifest(
            mediaType: OCILayout.MediaType.manifest,
            config: .init(config, mediaType: OCILayout.MediaType.empty), layers: []
          ).encoded()
          #expect(try await http.pushManifest("trade/goods", "v1", manifest).status == 201)
          if withServer {
            try await expectCollection()
            #expect(try await http.blob("trade/goods", sha256(needless)).status == 404)
          }
        }
        if !withServer { try await expectCollection() }
        try await KontorProcess.with(.init(data: data)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          let gone = try await http.blob("trade/goods", sha256(needless))
          #expect(gone.status == 404)
          let manifest = try await http.manifest("trade/goods", "v1")
          #expect(manifest.status == 200)
          let config = try await http.blob("trade/goods", sha256(Data("{}".utf8)))
          #expect(config.status == 200)
        }
      }
    }

    @Test(
      "scrub finds damage, takes it away from clients, and a new push heals it", arguments: [true, false])
    func scrub(withServer: Bool) async throws {
      try await Scratch.withDirectory("data") { data in
        let content = Data("sound goods".utf8)
        let digest = sha256(content)
        let hex = digest.dropFirst(7)
        let file = URL(filePath: "\(data)/blobs/sha256/\(hex.prefix(2))/\(hex)")
        func expectDamage() async throws {
          let sound = try await KontorCommand.run("scrub", "--rate", "0", "--data", data)
          #expect(sound.exit == .code(0))
          #expect(sound.output == "checked 1 blobs (11 bytes): 0 damaged\n")
          // Blobs are read-only, which root may ignore; the file's length stays.
          try Data("rotten good".utf8).write(to: file)
          let damaged = try await KontorCommand.run("scrub", "--data", data)
          #expect(damaged.exit == .code(1))
          #expect(damaged.output.contains(digest) && damaged.output.contains("trade/goods"))
          #expect(damaged.output.hasSuffix("1 damaged\n"))
          #expect(try FileManager.default.contentsOfDirectory(atPath: "\(data)/quarantine").count == 1)
        }
        func push(_ kontor: KontorProcess) async throws {
          #expect(try await PlainHTTP(kontor.endpoint).pushBlob("trade/goods", content).status == 201)
        }
        try await KontorProcess.with(.init(data: data)) { kontor in
          try await push(kontor)
          if withServer { try await expectDamage() }
        }
        if !withServer { try await expectDamage() }
        try await KontorProcess.with(.init(data: data)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          #expect(try await http.blob("trade/goods", digest).status == 404)
          try await push(kontor)
          #expect(try await http.blob("trade/goods", digest).body == content)
        }
      }
    }
  }
}
