import Foundation
import Testing

extension EndToEndTests {
  /// `kontor` as a client of appc: with our own registry as the host of names, Debian's docker-registry, GnuPG's keys, and
  /// tar as another reader.
  @Suite("appc client", .serialized)
  struct AppContainerClientTests {
    private static let host = "example.com"
    private static let name = "example.com/trade/hello"

    /// Runs `body` with a registry for `example.com`, the flags with which it is found there, and a client.
    private func withHost(
      _ transport: Transport = .https, signingKey: SigningKey? = nil,
      _ body: (KontorProcess, [String], KontorClient) async throws -> Void
    ) async throws {
      var settings = KontorProcess.Settings(transport: transport)
      settings.environment = ["KONTOR_APPC_HOSTS": Self.host]
      if let signingKey { settings.environment["KONTOR_APPC_SIGNINGKEY"] = signingKey.secret }
      try await KontorProcess.with(settings) { kontor in
        try await KontorClient.with { client in
          let port = transport == .https ? 443 : 80
          let flags = ["--connect-to", "\(Self.host):\(port):\(kontor.endpoint.hostAndPort)"]
          try await body(
            kontor, flags + (transport == .https ? kontor.endpoint.clientFlags : ["--plain-http"]), client)
          client.expectNoStaging()
        }
      }
    }

    private func succeed(
      _ client: KontorClient, _ arguments: [String]
    ) async throws -> KontorCommand.Result {
      let result = try await client.attempt(arguments)
      guard result.exit == .code(0) else {
        throw KontorClient.Failure(arguments: arguments, result: result)
      }
      return result
    }

    private func digest(_ inspected: String) throws -> String {
      let object = try JSONSerialization.jsonObject(with: Data(inspected.utf8)) as? [String: Any]
      return try #require(object?["digest"] as? String)
    }

    private func text(_ path: String) throws -> String {
      try String(contentsOf: URL(filePath: path), encoding: .utf8)
    }

    @Test(
      "an ACI that was pushed is an image in any registry, and comes back byte for byte",
      arguments: [true, false])
    func push(isOurs: Bool) async throws {
      try Tool.require(.gpg, .tar, .runc)
      try await SigningKey.with { key in
        try await withHost(.http) { kontor, _, client in
          let aci = try await ACIMaker(directory: "\(client.home)/hello").make(Self.name, version: "1.0.0")
          let signature = try await key.sign(Data(contentsOf: URL(filePath: aci)))
          try signature.write(to: URL(filePath: "\(aci).asc"))
          try await DockerRegistryServer.with { other in
            let registry = isOurs ? kontor.endpoint.hostAndPort : other.hostAndPort
            let reference = "\(registry)/trade/hello:1.0.0"
            try await client.run("push", "aci:\(aci)", "--signature", "\(aci).asc", reference)
            if !isOurs {
              try await client.run(
                "copy", "--referrers", reference, kontor.endpoint.docker("trade/hello:1.0.0"))
            }
            let bundle = "\(client.home)/bundle"
            try await client.run("pull", reference, "--to", "runc:\(bundle)")
            let run = try await Tool.runc.run(
              "--root", "\(client.home)/state", "run", "--bundle", bundle, "kontor-\(getpid())-\(isOurs)")
            #expect(run.text == "hello from \(Self.name)\n")
          }
          let http = PlainHTTP(kontor.endpoint)
          let path = "/aci/\(Self.name)/1.0.0/linux/amd64/image.aci"
          let image = try await http.send("GET", path)
          #expect(image.status == 200)
          let original = try Data(contentsOf: URL(filePath: aci))
          #expect(image.body == original)
          let sent = try await http.send("GET", "\(path).asc")
          #expect(sent.body == signature)
        }
      }
    }

    @Test(
      "an image is pulled by its name when its signature is by a key that is trusted for it",
      arguments: Transport.allCases)
    func pull(transport: Transport) async throws {
      try Tool.require(.gpg, .tar, .runc)
      try await SigningKey.with { key in
        try await withHost(transport, signingKey: key) { kontor, flags, client in
          let images = try await TestImage.shared
          let push = ["push", images.source(images.hello), kontor.endpoint.reference("trade/hello:v1")]
          _ = try await succeed(client, push + kontor.endpoint.clientFlags)

          let discovered = try await succeed(client, ["aci", "discover", "\(Self.name):v1"] + flags)
          let scheme = transport.rawValue
          #expect(
            discovered.output.hasPrefix(
              "image \(scheme)://example.com/aci/\(Self.name)/v1/linux/amd64/image.aci\nsignature "))
          #expect(discovered.error.contains("\(scheme)://\(Self.name)?ac-discovery=1: found 2 places"))

          let pull = ["pull", "aci://\(Self.name):v1", "--to", "rootfs:\(client.home)/root"] + flags
          let stranger = try await client.attempt(pull)
          #expect(
            stranger.exit == .code(5) && stranger.error.contains("kontor aci trust"), "\(stranger.error)")

          let trust = ["aci", "trust", "--prefix", "example.com/trade"] + flags
          let unasked = try await client.attempt(trust)
          #expect(unasked.exit == .code(2) && unasked.error.contains("test@example.com"), "\(unasked.error)")
          let trusted = try await succeed(client, trust + ["--yes"])
          let path = trusted.output.trimmingCharacters(in: .newlines)
          let keys = "\(client.home)/config/rkt/trustedkeys"
          #expect(path.hasPrefix("\(keys)/prefix.d/example.com/trade/"))
          #expect(try text(path).hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK-----"))

          _ = try await succeed(client, pull)
          let run = try await Tool.chroot.run("\(client.home)/root", "/bin/echo", "inside")
          #expect(run.text == "inside\n")

          // The same key, for other names.
          try FileManager.default.moveItem(
            atPath: "\(keys)/prefix.d/example.com/trade", toPath: "\(keys)/prefix.d/example.com/other")
          let copy = ["pull", "aci://\(Self.name):v1"] + flags + ["--to"]
          let other = try await client.attempt(copy + ["oci:\(client.home)/copy"])
          #expect(other.exit == .code(5), "\(other.error)")
          _ = try await succeed(client, copy + ["oci:\(client.home)/copy", "--insecure-skip-signature"])
          let root = ["aci", "trust", "--root", "--yes", "\(client.home)/public.asc"]
          try await key.publicKey().write(to: URL(filePath: "\(client.home)/public.asc"))
          #expect(try await succeed(client, root).output.hasPrefix("\(keys)/root.d/"))
          _ = try await succeed(client, copy + ["rootfs:\(client.home)/second"])
        }
      }
    }

    @Test(
      "on a terminal it shows a key's fingerprint and asks; whoever says no trusts nobody",
      arguments: ["yes", "no"])
    func asking(answer: String) async throws {
      try Tool.require(.gpg)
      try await SigningKey.with { key in
        try await KontorClient.with { client in
          let file = "\(client.home)/public.asc"
          try await key.publicKey().write(to: URL(filePath: file))
          let terminal = try PseudoTerminal(columns: 120, rows: 20)
          let output = open("\(client.home)/output", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
          terminal.type("perhaps\n\(answer)\n")
          let program = try await ChildProcess.start(
            try KontorProcess.binary(), ["aci", "trust", "--prefix", "example.com/trade", file],
            environment: client.variables, input: terminal.descriptor, output: output,
            error: terminal.descriptor)
          close(output)
          let exit = await program.wait()
          #expect(exit == .code(0))
          terminal.release()
          try await terminal.waitForEnd()
          let question = "Trust this key for images of example.com/trade?"
          #expect(terminal.text.components(separatedBy: question).count == 3, "\(terminal.text)")
          let stored = try text("\(client.home)/output").trimmingCharacters(in: .newlines)
          guard answer == "yes" else {
            #expect(stored.isEmpty && !FileManager.default.fileExists(atPath: "\(client.home)/config/rkt"))
            return
          }
          let fingerprint = try #require(stored.split(separator: "/").last)
          #expect(terminal.text.contains("\(fingerprint) ") && FileManager.default.fileExists(atPath: stored))
        }
      }
    }

    @Test("an image that needs others is kept by registries as it is")
    func pushDependent() async throws {
      try Tool.require(.tar)
      try await withHost(.http) { kontor, _, client in
        let needs = [ACIMaker.Need(name: "example.com/base")]
        let aci = try await ACIMaker(directory: "\(client.home)/hello").make(Self.name, needs: needs)
        let reference = kontor.endpoint.reference("trade/hello:1")
        try await client.run("push", "aci:\(aci)", reference)
        let got = try await PlainHTTP(kontor.endpoint).send(
          "GET", "/aci/\(Self.name)/1/linux/amd64/image.aci")
        let original = try Data(contentsOf: URL(filePath: aci))
        #expect(got.status == 200 && got.body == original)
      }
    }

    @Test("images that an image needs come from their own places, and are put over each other as appc says")
    func dependencies() async throws {
      try Tool.require(.gpg, .tar)
      try await SigningKey.with { key in
        try await withHost(signingKey: key) { kontor, flags, client in
          // The order is D, B, D, C, A; B and A have whitelists.
          let (a, b, c, d) = ("example.com/a", "example.com/b", "example.com/c", "example.com/d")
          let maker = ACIMaker(directory: "\(client.home)/images")
          var files: [String: String] = [:]
          files[d] = try await maker.make(d, files: ["who": "d", "only-d": "d", "cd": "d", "hidden": "d"])
          files[b] = try await maker.make(
            b, files: ["who": "b", "only-b": "b", "cut": "b"], needs: [.init(name: d)],
            whitelist: ["/who", "/only-b", "/only-d"])
          let fileOfC = try await maker.make(c, files: ["who": "c", "cd": "c"], needs: [.init(name: d)])
          files[c] = fileOfC
          files[a] = try await maker.make(
            a, files: ["who": "a"],
            needs: [
              .init(name: b),
              .init(name: c, imageID: try await maker.imageID(fileOfC), size: try maker.size(fileOfC)),
            ], whitelist: ["/who", "/only-b", "/only-d", "/cd", "/cut"])
          for name in [d, c, b, a] { try await put(files[name], name, key, kontor, client) }
          let root = "\(client.home)/root"
          _ = try await succeed(
            client, ["aci", "trust", "--prefix", Self.host, "--yes"] + flags)
          _ = try await succeed(client, ["pull", "aci://\(a):1", "--to", "rootfs:\(root)"] + flags)
          let names = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
          #expect(names == ["bin", "cd", "only-b", "only-d", "who"])
          #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/bin") == [])
          for (name, content) in [("who", "a"), ("cd", "c"), ("only-b", "b"), ("only-d", "d")] {
            #expect(try text("\(root)/\(name)") == content)
          }

          // The registry has put them over each other, too, for clients that know nothing of appc.
          let layout = "\(client.home)/layout"
          _ = try await succeed(client, ["pull", "aci://\(a):1", "--to", "oci:\(layout):a"] + flags)
          let rendered = try await succeed(
            client,
            ["inspect", kontor.endpoint.reference("a:1"), "--format", "json"] + kontor.endpoint.clientFlags
          ).output
          let own = try await client.run("inspect", "oci:\(layout):a", "--format", "json")
          #expect(try digest(rendered) == digest(own))
        }
      }
    }

    @Test("circles, missing images, wrong IDs, names, labels and signatures are refused")
    func refusals() async throws {
      try Tool.require(.gpg, .tar)
      try await SigningKey.with { key in
        try await withHost(signingKey: key) { kontor, flags, client in
          _ = try await succeed(client, ["aci", "trust", "--prefix", Self.host, "--yes"] + flags)
          let maker = ACIMaker(directory: "\(client.home)/images")
          /// As an artifact, of which the registry makes nothing: so it does not look at what is needed.
          func push(_ file: String, _ name: String) async throws {
            try await key.sign(Data(contentsOf: URL(filePath: file))).write(to: URL(filePath: "\(file).asc"))
            let place = kontor.endpoint.reference("\(name.dropFirst("example.com/".count)):1")
            _ = try await succeed(
              client,
              ["push", "aci:\(file)", "--signature", "\(file).asc", place] + kontor.endpoint.clientFlags)
          }
          let back = try await maker.make("example.com/back", needs: [.init(name: "example.com/circle")])
          try await push(back, "example.com/back")
          let id = "sha512-" + String(repeating: "0", count: 128)
          for (name, needs, code, words) in [
            ("circle", [.init(name: "example.com/back")], 1, "circle"),
            ("missing", [.init(name: "example.com/nowhere")], 3, "example.com/nowhere"),
            ("wrong-id", [.init(name: "example.com/back", imageID: id)], 1, "with the ID"),
            ("wrong-size", [.init(name: "example.com/back", size: 5)], 1, "with 5 bytes"),
          ] as [(String, [ACIMaker.Need], Int32, String)] {
            let name = "example.com/\(name)"
            try await push(try await maker.make(name, needs: needs), name)
            let result = try await client.attempt(
              ["pull", "aci://\(name):1", "--to", "rootfs:\(client.home)/root"] + flags)
            #expect(result.exit == .code(code) && result.error.contains(words), "\(name): \(result.error)")
          }

          let image = try Data(contentsOf: URL(filePath: try await maker.make(Self.name)))
          let signed = try await key.sign(image)
          let forged = try await key.sign(Data("something else".utf8))
          let expired = try await key.signLongAgo(image)
          let bomb = try Data(contentsOf: URL(filePath: try await maker.make(Self.name, zeros: 64)))
          let signedBomb = try await key.sign(bomb)
          try await ACIHost.with(image: image) { host in
            func attempt(_ name: String, _ more: String...) async throws -> KontorCommand.Result {
              try await client.attempt(
                [
                  "pull", "aci://\(name)", "--to", "rootfs:\(client.home)/root", "--plain-http",
                  "--connect-to",
                ]
                  + ["example.com:80:127.0.0.1:\(host.port)"] + more)
            }
            for (name, signature, code, words) in [
              (Self.name, nil, 5, "no signature"), (Self.name, forged, 5, "does not match"),
              (Self.name, expired, 5, "expired"), (Self.name, Data("x".utf8), 5, "not trusted"),
              ("example.com/trade/other", signed, 1, "is named \(Self.name)"),
              ("\(Self.name):2", signed, 1, "version"), ("\(Self.name),channel=beta", signed, 1, "channel"),
            ] as [(String, Data?, Int32, String)] {
              host.serve(image, signature: signature)
              let result = try await attempt(name)
              #expect(result.exit == .code(code) && result.error.contains(words), "\(words): \(result.error)")
            }
            host.serve(bomb, signature: signedBomb)
            let tooLarge = try await attempt(Self.name, "--max-unpacked", "16MiB")
            #expect(
              tooLarge.exit == .code(1) && tooLarge.error.contains("--max-unpacked"), "\(tooLarge.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(client.home)/root"))
          }
        }
      }
    }

    @Test("an image of a registry becomes an ACI, which tar reads; kontor builds, reads and unpacks such")
    func files() async throws {
      try Tool.require(.tar)
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        let aci = "\(client.home)/hello.aci"
        let unnamed = try await client.attempt(["copy", images.source(images.hello), "aci:\(aci)"])
        #expect(unnamed.exit == .code(2) && unnamed.error.contains("--name"), "\(unnamed.error)")
        try await client.run(
          "copy", images.source(images.hello), "aci:\(aci)", "--name", "\(Self.name):1.0.0")
        let directory = "\(client.home)/unpacked"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await Tool.tar.run("-xf", aci, "-C", directory)
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["manifest", "rootfs"])
        let manifest = try await client.run("aci", "cat-manifest", aci)
        #expect(try manifest == text("\(directory)/manifest"))
        let run = try await Tool.chroot.run("\(directory)/rootfs", "/bin/echo", "inside")
        #expect(run.text == "inside\n")
        // Back again, it is the same image each time.
        let digest = try await client.run("copy", "aci:\(aci)", "oci:\(client.home)/back:v1")
        let again = try await client.run("copy", "aci:\(aci)", "oci:\(client.home)/again:v1")
        #expect(digest == again)

        for compression in ["gzip", "bzip2", "xz", "none"] {
          let built = "\(client.home)/\(compression).aci"
          let imageID = try await client.run("aci", "build", directory, built, "--compression", compression)
          let validated = try await client.run("aci", "validate", built)
          #expect(validated == "\(Self.name):1.0.0,arch=amd64,os=linux\n\(imageID)")
          let json = try await client.run("aci", "validate", built, "--format", "json")
          #expect(json.contains("\"compression\":\"\(compression)\""))
        }
        try await client.run("aci", "extract", "\(client.home)/xz.aci", "\(client.home)/all")
        #expect(try text("\(client.home)/all/manifest") == manifest)
        try await client.run("aci", "extract", "--rootfs", "\(client.home)/xz.aci", "\(client.home)/root")
        let inner = try await Tool.chroot.run("\(client.home)/root", "/bin/echo", "inside")
        #expect(inner.text == "inside\n")

        try Data("no archive".utf8).write(to: URL(filePath: "\(client.home)/bad.aci"))
        for arguments in [
          ["aci", "validate", "\(client.home)/bad.aci"],
          ["aci", "extract", "\(client.home)/bad.aci", "\(client.home)/x"],
          ["aci", "build", client.home, "\(client.home)/x"], ["aci", "build", directory, aci],
          ["aci", "extract", aci, directory],
        ] {
          let result = try await client.attempt(arguments)
          #expect(result.exit == .code(1) || result.exit == .code(3), "\(arguments): \(result.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(client.home)/x"))
      }
    }

    /// As curl does it.
    private func put(
      _ file: String?, _ name: String, _ key: SigningKey, _ kontor: KontorProcess, _ client: KontorClient
    ) async throws {
      try Tool.require(.curl)
      let file = try #require(file)
      try await key.sign(Data(contentsOf: URL(filePath: file))).write(to: URL(filePath: "\(file).asc"))
      for suffix in [".asc", ""] {
        try await Tool.curl.run(
          "-sfT", file + suffix, "--cacert", kontor.endpoint.authority.certificate,
          kontor.endpoint.url("/aci/\(name)/1/linux/amd64/image.aci\(suffix)"))
      }
    }
  }
}
