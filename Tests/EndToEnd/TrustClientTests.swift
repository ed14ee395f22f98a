import Foundation
import Testing

extension EndToEndTests {
  /// The client under a trust policy, with signatures of skopeo's.
  @Suite("trust in the client", .serialized)
  struct TrustClientTests {
    /// A policy that wants a signature by the key in `key.asc`.
    private static let signed = #"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "KEY"}"#

    /// Runs `body` with a client whose home has the key's public half in `key.asc`.
    private func with(_ body: (KontorClient, SigningKey, String) async throws -> Void) async throws {
      try Tool.require(.gpg, .skopeo)
      try await SigningKey.with { key in
        try await KontorClient.with { client in
          let file = "\(client.home)/key.asc"
          try await key.publicKey().write(to: URL(filePath: file))
          try await body(client, key, file)
        }
      }
    }

    /// - Returns: the policy's path.
    @discardableResult
    private func write(_ policy: String, _ client: KontorClient, standard: Bool = false) throws -> String {
      let directory = standard ? "\(client.home)/.config/containers" : client.home
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      let path = "\(directory)/policy.json"
      let text = policy.replacingOccurrences(of: "KEY", with: "\(client.home)/key.asc")
      try Data(text.utf8).write(to: URL(filePath: path))
      return path
    }

    private func push(
      _ image: String, to reference: String, by key: SigningKey? = nil, all: Bool = false,
      registriesD: String? = nil
    ) async throws {
      try await TestImage.shared.push(image, to: reference, by: key, all: all, registriesD: registriesD)
    }

    @Test("what skopeo signed is pulled, and nothing else; the user's policy is gone by without being named")
    func pull() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await with { client, key, _ in
          let (hello, second) = (
            kontor.endpoint.reference("trade/hello:v1"), kontor.endpoint.reference("trade/second:v1")
          )
          try await push("hello", to: hello, by: key)
          try await push("second", to: second)
          let policy = try write(#"{"default": [\#(Self.signed)]}"#, client)
          func pull(_ image: String, _ more: String...) async throws -> KontorCommand.Result {
            try await client.attempt(["pull", image, "--to", "oci:\(client.home)/out"] + more)
          }
          let refused = try await pull(second, "--verify", policy)
          #expect(refused.exit == .code(5))
          #expect(refused.error.contains("\n  it must be signed, and there is no signature"))
          #expect(refused.error.contains("default[0]") && refused.error.contains(policy))
          #expect(!FileManager.default.fileExists(atPath: "\(client.home)/out/index.json"))
          let taken = try await pull(hello, "--verify", policy)
          #expect(taken.exit == .code(0), "\(taken.error)")

          // The signature is for another name than the one asked for.
          let other = kontor.endpoint.reference("trade/hello:other")
          try await push("hello", to: other)
          let renamed = try await pull(other, "--verify", policy)
          #expect(renamed.exit == .code(5) && renamed.error.contains("it is for"), "\(renamed.error)")

          try write(#"{"default": [\#(Self.signed)]}"#, client, standard: true)
          #expect(try await pull(second).exit == .code(5))
          #expect(try await pull(hello).exit == .code(0))
          let copy = try await client.attempt(["copy", second, "dir:\(client.home)/dir"])
          #expect(copy.exit == .code(5))
          #expect(try await pull(second, "--insecure-policy").exit == .code(0))
          // From a file, with which there is no signature.
          let pushed = try await client.attempt(["push", images.source("second"), hello])
          #expect(pushed.exit == .code(5), "\(pushed.error)")

          try write(#"{"default": [{"type": "trustMe"}]}"#, client, standard: true)
          let broken = try await pull(hello)
          #expect(broken.exit == .code(1) && broken.error.contains("default[0]"), "\(broken.error)")
          let both = try await pull(hello, "--insecure-policy", "--verify", policy)
          #expect(both.exit == .code(2))
          let missing = try await pull(hello, "--verify", "\(client.home)/none.json")
          #expect(missing.exit == .code(3))
        }
      }
    }

    @Test("paths are scopes; a signed copy in a directory of skopeo's is known by its signature")
    func places() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await with { client, key, _ in
          let target = kontor.endpoint.reference("trade/copied:v1")
          let image = kontor.endpoint.reference("trade/hello:v1")
          try await push("hello", to: image, by: key)
          try await Command(
            tool: .skopeo,
            arguments: [
              "--insecure-policy", "copy", "--src-tls-verify=false", "docker://\(image)",
              "dir:\(client.home)/signed",
            ]
          ).run()
          let exact = Self.signed.replacingOccurrences(
            of: #""keyType""#,
            with: #""signedIdentity": {"type": "exactReference", "dockerReference": "\#(image)"}, "keyType""#)
          let policy = try write(
            """
            {"default": [{"type": "reject"}], "transports": {
              "oci": {"\(images.layout.path):hello": [{"type": "insecureAcceptAnything"}]},
              "dir": {"\(client.home)": [\(exact)]}}}
            """, client)
          for (source, exit) in [
            (images.source("hello"), Int32(0)), (images.source("second"), 5),
            ("dir:\(client.home)/signed", 0),
          ] {
            let result = try await client.attempt(["push", source, target, "--verify", policy])
            #expect(result.exit == .code(exit), "\(source): \(result.error)")
          }
          try FileManager.default.removeItem(atPath: "\(client.home)/signed/signature-1")
          let result = try await client.attempt(
            ["push", "dir:\(client.home)/signed", target, "--verify", policy])
          #expect(result.exit == .code(5))
        }
      }
    }

    @Test("an index is trusted with all that it lists if it is signed, else each of its images has to be")
    func indexes() async throws {
      try await KontorProcess.with { kontor in
        try await with { client, key, keyFile in
          let policy = try write(#"{"default": [\#(Self.signed)]}"#, client)
          let (signed, unsigned) = (
            kontor.endpoint.reference("trade/multi:signed"), kontor.endpoint.reference("trade/multi:unsigned")
          )
          try await push("multi", to: unsigned, all: true)
          func pull(_ image: String, _ more: String...) async throws -> ChildProcess.Exit {
            try await client.attempt(
              ["pull", image, "--to", "oci:\(client.home)/\(UUID())", "--verify", policy] + more
            ).exit
          }
          #expect(try await pull(unsigned) == .code(5))
          #expect(try await pull(unsigned, "--all-platforms") == .code(5))
          // skopeo signs the index and its images.
          try await push("multi", to: signed, by: key, all: true)
          #expect(try await pull(signed) == .code(0))
          #expect(try await pull(signed, "--all-platforms") == .code(0))
          // By the digest of the index, and under another tag, for which nothing was signed.
          let digest = try await client.run("verify", "--key", keyFile, signed).prefix(71)
          let repository = kontor.endpoint.reference("trade/multi")
          #expect(try await pull("\(repository)@\(digest)") == .code(0))
          #expect(try await pull(unsigned) == .code(5))
        }
      }
    }

    @Test("signatures for another registry are read from the lookaside that registries.d names")
    func lookaside() async throws {
      try await DockerRegistryServer.with { registry in
        try await with { client, key, _ in
          let image = "\(registry.hostAndPort)/trade/hello:v1"
          let settings = "\(client.home)/.config/containers/registries.d"
          try FileManager.default.createDirectory(atPath: settings, withIntermediateDirectories: true)
          let text =
            "docker:\n  \(registry.hostAndPort)/trade:\n    lookaside: file://\(client.home)/lookaside\n"
          try Data(text.utf8).write(to: URL(filePath: "\(settings)/test.yaml"))
          let policy = try write(#"{"default": [\#(Self.signed)]}"#, client)
          let pull = ["pull", image, "--verify", policy, "--to", "oci:\(client.home)/out"]
          try await push("hello", to: image)
          #expect(try await client.attempt(pull).exit == .code(5))
          try await push("hello", to: image, by: key, registriesD: settings)
          let taken = try await client.attempt(pull)
          #expect(taken.exit == .code(0), "\(taken.error)")
        }
      }
    }

    @Test("verify, policy check and policy explain say who signed, which rule applies, and what is wrong")
    func looking() async throws {
      try await KontorProcess.with { kontor in
        try await with { client, key, keyFile in
          let (hello, second) = (
            kontor.endpoint.reference("trade/hello:v1"), kontor.endpoint.reference("trade/second:v1")
          )
          try await push("hello", to: hello, by: key)
          try await push("second", to: second)
          let policy = try write(
            #"{"default": [{"type": "reject"}], "transports": {"docker": {"": [\#(Self.signed)]}}}"#, client)
          for how in [["--key", keyFile], ["--policy", policy]] {
            let good = try await client.attempt(["verify", hello] + how)
            #expect(good.exit == .code(0), "\(good.error)")
            #expect(
              good.output.contains("good: simple signing, by \"\(SigningKey.owner)\""), "\(good.output)")
            let json = try await client.attempt(["verify", second, "--format", "json"] + how)
            #expect(json.exit == .code(5) && json.error.contains("there is no signature"))
            let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect(document?["trusted"] as? Bool == false)
          }
          try await SigningKey.with { stranger in
            let other = "\(client.home)/stranger.asc"
            try await stranger.publicKey().write(to: URL(filePath: other))
            let bad = try await client.attempt(["verify", hello, "--key", other])
            #expect(bad.exit == .code(5) && bad.output.contains("bad: simple signing"), "\(bad.output)")
          }
          for flags in [
            ["--key", keyFile, "--policy", policy], ["--certificate-identity", "me@example.com"],
            ["--notation-trust-store", client.home],
          ] {
            let wrong = try await client.attempt(["verify", hello] + flags)
            #expect(wrong.exit == .code(2) && wrong.error.contains("--help"), "\(wrong.error)")
          }

          let check = try await client.run("policy", "check", policy)
          #expect(check.hasPrefix("docker (all): signedBy ") && check.hasSuffix("\ndefault: reject"))
          let explained = try await client.run("policy", "explain", hello, "--policy", policy)
          #expect(explained.contains(#"rule: transports.docker[""]"#) && explained.contains("is allowed"))
          let refused = try await client.run("policy", "explain", second, "--policy", policy)
          #expect(refused.contains("signedBy: not met") && refused.contains("is refused"))
          let wrong = try await client.attempt(["policy", "check", keyFile])
          #expect(wrong.exit == .code(1) && wrong.error.contains(keyFile), "\(wrong.error)")
        }
      }
    }

    @Test("verify goes by an identity that the options name, under the trust root that they name")
    func identity() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let image = kontor.endpoint.reference("trade/hello:v1")
          try await push("hello", to: image)
          let manifest = try images.manifestBytes(images.hello)
          let made = try await SignedImage.make(of: manifest, as: "elsewhere.example/hello", in: client.home)
          func verify(
            _ identity: String? = nil, issuer: String? = nil, root: String = "root.json"
          ) async throws -> KontorCommand.Result {
            try await client.attempt([
              "verify", image, "--certificate-identity", identity ?? made.identity,
              "--certificate-oidc-issuer", issuer ?? made.issuer, "--trusted-root", "\(client.home)/\(root)",
            ])
          }
          let unsigned = try await verify()
          #expect(unsigned.exit == .code(5) && unsigned.error.contains("there is no signature"))
          let pushed = try await PlainHTTP(kontor.endpoint).pushSignatures(
            "trade/hello", tag: nil, mediaType: SignedImage.MediaType.bundle,
            [(Data(made.bundle.utf8), nil)],
            subject: .init(manifest, mediaType: OCILayout.MediaType.manifest))
          #expect(pushed.status == 201)

          let good = try await verify()
          #expect(good.exit == .code(0), "\(good.error)")
          let line = "good: sigstore bundle, by \"\(made.identity)\" (by \"\(made.issuer)\"), "
          #expect(good.output.contains(line), "\(good.output)")
          for (result, reason) in [
            (try await verify("eve@example.org"), "is none of those that count here"),
            (try await verify(issuer: "https://evil.example"), "is none of those that count here"),
            (try await verify("https://\(made.identity)"), "is none of those that count here"),
            (try await verify(root: "other-authority.json"), "leads to none of the trusted authorities"),
            (try await verify(root: "other-log.json"), "in none of the logs that count here"),
          ] {
            #expect(result.exit == .code(5) && result.error.contains(reason), "\(reason): \(result.error)")
            #expect(result.output.contains("bad: sigstore bundle"), "\(result.output)")
          }
        }
      }
    }
  }
}
