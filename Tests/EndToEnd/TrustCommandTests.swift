import Foundation
import Testing

extension EndToEndTests {
  /// `kontor trust`: the policy.json that pulls go by, changed rule by rule.
  @Suite("rules of trust in the client", .serialized)
  struct TrustCommandTests {
    private static let machine = "/etc/containers/policy.json"

    /// Runs `body` with a client whose home has the key's public half in `key.asc`.
    private func with(_ body: (KontorClient, SigningKey) async throws -> Void) async throws {
      try Tool.require(.gpg, .skopeo)
      try await SigningKey.with { key in
        try await KontorClient.with { client in
          try await key.publicKey().write(to: URL(filePath: "\(client.home)/key.asc"))
          try await body(client, key)
        }
      }
    }

    /// The user's policy.
    private func file(_ client: KontorClient) -> String { "\(client.home)/.config/containers/policy.json" }

    private func read(_ client: KontorClient) throws -> Data {
      try Data(contentsOf: URL(filePath: file(client)))
    }

    private func write(_ policy: String, _ client: KontorClient) throws {
      let directory = "\(client.home)/.config/containers"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data(policy.utf8).write(to: URL(filePath: file(client)))
    }

    private func requirement(_ client: KontorClient, _ scope: String) throws -> [String: Any] {
      let document = try JSONSerialization.jsonObject(with: read(client)) as? [String: Any]
      let transports = document?["transports"] as? [String: [String: [[String: Any]]]]
      let rule = try #require(transports?["docker"]?[scope])
      #expect(rule.count == 1)
      return try #require(rule.first)
    }

    private func pull(_ image: String, _ client: KontorClient) async throws -> KontorCommand.Result {
      try await client.attempt(["pull", image, "--to", "oci:\(client.home)/\(UUID())"])
    }

    /// Whether skopeo copies an image by the user's policy.
    private func skopeoTakes(_ image: String, _ client: KontorClient) async throws -> Bool {
      try await Command(
        tool: .skopeo,
        arguments: [
          "--policy", file(client), "copy", "--src-tls-verify=false", "docker://\(image)",
          "dir:\(client.home)/\(UUID())",
        ]
      ).attempt().succeeded
    }

    @Test(
      "what a new rule asks for is asked for by pulls, and by skopeo with the same file; without it, nothing")
    func addAndRemove() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await with { client, key in
          let scope = kontor.endpoint.reference("trade")
          let (hello, second) = ("\(scope)/hello:v1", "\(scope)/second:v1")
          try await images.push(images.hello, to: hello, by: key)
          try await images.push(images.second, to: second)
          // Relative to where the command runs: what is written does not depend on that.
          let up = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in ".." }
          let keyFile = up.joined(separator: "/") + "\(client.home)/key.asc"

          let added = try await client.attempt(["trust", "add", scope, "--key", keyFile])
          #expect(added.exit == .code(0), "\(added.error)")
          #expect(added.error.contains("\(file(client)) is new: it began as a copy of \(Self.machine)\n"))
          #expect(added.error.split(separator: "\n").count == 1)
          let line = "docker \(scope): signedBy \"\(SigningKey.owner)\", OpenPGP key "
          #expect(added.output.hasPrefix(line), "\(added.output)")
          let rule = try requirement(client, scope)
          #expect((rule["keyPath"] as? String)?.hasPrefix("/") == true && rule["signedIdentity"] == nil)

          let refused = try await pull(second, client)
          #expect(refused.exit == .code(5) && refused.error.contains(scope), "\(refused.error)")
          #expect(try await pull(hello, client).exit == .code(0))
          #expect(try await !skopeoTakes(second, client))
          #expect(try await skopeoTakes(hello, client))

          let listed = try await client.run("trust", "list")
          #expect(listed == added.output + "default: insecureAcceptAnything")
          #expect(try await client.run("policy", "check", file(client)) == listed)
          let json = try await client.run("trust", "list", "--format", "json", "--policy", file(client))
          let rules = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
          #expect(rules?.count == 2 && rules?.first?["scope"] as? String == scope)
          #expect(rules?.last?["scope"] == nil && rules?.last?["transport"] == nil)
          let signers =
            (rules?.first?["requirements"] as? [[String: Any]])?.first?["signers"] as? [[String: Any]]
          let fingerprint = try #require(signers?.first?["fingerprint"] as? String)
          #expect(fingerprint.count == 40 && listed.contains(fingerprint))

          // A narrower rule counts alone; without it, the wider one does again.
          try await client.run("trust", "add", "\(scope)/second", "--accept-anything")
          #expect(try await pull(second, client).exit == .code(0))
          let back = try await client.run("trust", "remove", "\(scope)/second")
          #expect(back.hasPrefix("docker \(scope)/second goes by transports.docker[\"\(scope)\"]: signedBy "))
          #expect(try await pull(second, client).exit == .code(5))
          let removed = try await client.run("trust", "remove", scope)
          #expect(removed == "docker \(scope) goes by default: insecureAcceptAnything")
          #expect(try await pull(second, client).exit == .code(0))
          #expect(try await skopeoTakes(second, client))
          let before = try read(client)
          let again = try await client.attempt(["trust", "remove", scope])
          #expect(again.exit == .code(3) && again.error.contains("there is no rule"), "\(again.error)")
          #expect(try read(client) == before)
        }
      }
    }

    @Test("all else in the file stays, in its order; so do its mode, its owner and a link to it")
    func untouched() async throws {
      try await KontorClient.with { client in
        let reject = "[\n\t\t\t\t{\n\t\t\t\t\t\"type\": \"reject\"\n\t\t\t\t}\n\t\t\t]"
        func text(_ added: String = "", _ engine: String = "") -> String {
          """
          {
          \t"kontor": {
          \t\t"enforcement": {
          \t\t\t"": {
          \t\t\t\t"push": "hold"
          \t\t\t}
          \t\t}
          \t},
          \t"transports": {
          \t\t"someday": {
          \t\t\t"a b": \(reject)
          \t\t},
          \t\t"docker": {
          \t\t\t"z.example": \(reject),
          \t\t\t"a.example": \(reject)\(added)
          \t\t}\(engine)
          \t},
          \t"default": [
          \t\t{
          \t\t\t"type": "insecureAcceptAnything"
          \t\t}
          \t]
          }

          """
        }
        try write("", client)
        try FileManager.default.removeItem(atPath: file(client))
        let target = "\(client.home)/real.json"
        try Data(text().utf8).write(to: URL(filePath: target))
        try FileManager.default.createSymbolicLink(atPath: file(client), withDestinationPath: target)
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o640, .ownerAccountID: 65534, .groupOwnerAccountID: 65533],
          ofItemAtPath: target)

        let added = try await client.attempt(["trust", "add", "m.example/team", "--reject"])
        #expect(added.output == "docker m.example/team: reject\n")
        #expect(added.error.contains("Podman and skopeo cannot read") && added.error.contains("\"kontor\""))
        let one = ",\n\t\t\t\"m.example/team\": \(reject)"
        #expect(try String(decoding: read(client), as: UTF8.self) == text(one))
        try await client.run("trust", "add", "", "--transport", "docker-daemon", "--reject")
        let engine = ",\n\t\t\"docker-daemon\": {\n\t\t\t\"\": \(reject)\n\t\t}"
        #expect(try String(decoding: read(client), as: UTF8.self) == text(one, engine))
        let removed = try await client.run("trust", "remove", "", "--transport", "docker-daemon")
        #expect(removed == "docker-daemon (all) goes by default: insecureAcceptAnything")
        try await client.run("trust", "remove", "m.example/team")
        #expect(try String(decoding: read(client), as: UTF8.self) == text())

        let link = try FileManager.default.attributesOfItem(atPath: file(client))
        #expect(link[.type] as? FileAttributeType == .typeSymbolicLink)
        let attributes = try FileManager.default.attributesOfItem(atPath: target)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(attributes[.ownerAccountID] as? Int == 65534)
        #expect(attributes[.groupOwnerAccountID] as? Int == 65533)
        let left = try FileManager.default.contentsOfDirectory(atPath: client.home)
        #expect(!left.contains { $0.hasSuffix(".tmp") }, "\(left)")
      }
    }

    @Test("a rule that is there stays, unless it is to be replaced, or another signer is to be enough, too")
    func precedence() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await with { client, key in
          var client = client
          client.environment = ["COSIGN_PASSWORD": "open sesame"]
          try await client.run("generate-key-pair", "--output-key-prefix", "\(client.home)/cosign")
          let (first, other) = ("\(client.home)/key.asc", "\(client.home)/other.asc")
          let cosign = "\(client.home)/cosign.pub"
          try await SigningKey.with { try await $0.publicKey().write(to: URL(filePath: other)) }
          let scope = kontor.endpoint.reference("trade/hello")
          let image = "\(scope):v1"
          try await images.push(images.hello, to: image, by: key)
          func add(_ flags: String...) async throws -> KontorCommand.Result {
            try await client.attempt(["trust", "add", scope] + flags)
          }

          #expect(try await add("--key", other).exit == .code(0))
          #expect(try await pull(image, client).exit == .code(5))
          let before = try read(client)
          let refused = try await add("--key", first)
          #expect(refused.exit == .code(2), "\(refused.error)")
          #expect(refused.error.contains("--replace") && refused.error.contains("--also"))
          #expect(try read(client) == before)

          let joined = try await add("--key", first, "--also")
          #expect(joined.exit == .code(0) && joined.error.isEmpty, "\(joined.error)")
          #expect(joined.output.components(separatedBy: "OpenPGP key").count == 3)
          #expect(try requirement(client, scope)["keyPaths"] as? [String] == [other, first])
          #expect(try await pull(image, client).exit == .code(0))
          #expect(try await skopeoTakes(image, client))

          let mixed = try await add("--key", cosign, "--key", first, "--also")
          #expect(mixed.exit == .code(0) && mixed.error.contains("\"anyOf\""), "\(mixed.error)")
          #expect(mixed.output.contains("; sigstoreSigned public key sha256:"), "\(mixed.output)")
          let parts = try requirement(client, scope)["requirements"] as? [[String: Any]]
          #expect(parts?.count == 2 && parts?.first?["keyPaths"] as? [String] == [other, first])
          #expect(parts?.last?["signedIdentity"] as? [String: String] == ["type": "matchRepository"])
          #expect(try await pull(image, client).exit == .code(0))
          #expect(try await add("--key", cosign, "--also").output == mixed.output)

          // By cosign's key alone: a signature of Podman's form counts no more, one of cosign's does.
          #expect(try await add("--key", cosign, "--replace").error.isEmpty)
          #expect(try await pull(image, client).exit == .code(5))
          try await client.run("sign", "--key", "\(client.home)/cosign.key", image)
          #expect(try await pull(image, client).exit == .code(0))

          // What all of was wanted before is still wanted together.
          let signed = #"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "\#(first)"}"#
          try write(
            #"{"default": [{"type": "reject"}, \#(signed)], "transports": {}}"#, client)
          try await client.run("trust", "add", "--default", "--key", cosign, "--also")
          let both = try await client.run("trust", "list")
          #expect(both.hasPrefix("default: anyOf(allOf(reject; signedBy "), "\(both)")
          #expect(try await pull(image, client).exit == .code(0))

          let all = try await client.attempt(["trust", "add", "--default", "--accept-anything"])
          #expect(all.exit == .code(2))
          try await client.run("trust", "add", "--default", "--accept-anything", "--replace")
          let useless = try await client.attempt(["trust", "add", "--default", "--key", cosign, "--also"])
          #expect(useless.exit == .code(2) && useless.error.contains("accepts any image"), "\(useless.error)")
        }
      }
    }

    @Test("identities of Sigstore's and trust policies of notation's are rules, too")
    func otherSigners() async throws {
      let images = try await TestImage.shared
      try Tool.require(.openssl)
      try await KontorProcess.with { kontor in
        try await KontorClient.with { client in
          let scope = kontor.endpoint.reference("trade")
          let (repository, other) = ("\(scope)/hello", "\(scope)/other")
          let manifest = try images.manifestBytes(images.hello)
          let made = try await SignedImage.make(of: manifest, as: repository, in: client.home)
          for name in ["hello", "other"] {
            try await images.push(images.hello, to: "\(scope)/\(name):v1")
          }
          let added = try await client.attempt([
            "trust", "add", scope, "--certificate-identity", made.identity, "--certificate-oidc-issuer",
            made.issuer, "--trusted-root", "\(client.home)/root.json",
          ])
          #expect(added.exit == .code(0) && added.error.contains("\"trustedRootPath\""), "\(added.error)")
          #expect(added.output.contains("\"\(made.identity)\" (by \"\(made.issuer)\")"), "\(added.output)")
          #expect(try await pull("\(repository):v1", client).exit == .code(5))
          for name in ["hello", "other"] {
            let pushed = try await PlainHTTP(kontor.endpoint).pushSignatures(
              "trade/\(name)", tag: sha256(manifest).replacing(":", with: "-") + ".sig",
              mediaType: SignedImage.MediaType.signature, [(Data(made.payload.utf8), made.annotations)])
            #expect(pushed.status == 201)
          }
          let taken = try await pull("\(repository):v1", client)
          #expect(taken.exit == .code(0), "\(taken.error)")
          // The signature is for one repository.
          let moved = try await pull("\(other):v1", client)
          #expect(moved.exit == .code(5) && moved.error.contains("it is for \(repository)"), "\(moved.error)")
          try await client.run("trust", "remove", scope)

          let store = "\(client.home)/store/x509/ca/trade"
          try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
          try await Tool.openssl.run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", "\(client.home)/notation.key", "-out", "\(store)/trade.pem",
            "-subj", "/C=DE/ST=Hamburg/O=Trade/CN=signer", "-addext", "keyUsage=critical,digitalSignature",
            "-addext", "extendedKeyUsage=codeSigning", "-addext", "basicConstraints=critical,CA:false")
          let trustPolicy = """
            {"version": "1.0", "trustPolicies": [{"name": "all", "registryScopes": ["*"], "trustStores": ["ca:trade"],
              "trustedIdentities": ["*"], "signatureVerification": {"level": "strict"}}]}
            """
          try Data(trustPolicy.utf8).write(to: URL(filePath: "\(client.home)/trustpolicy.json"))
          let notation = try await client.attempt([
            "trust", "add", repository, "--notation-trust-policy", "\(client.home)/trustpolicy.json",
            "--notation-trust-store", "\(client.home)/store",
          ])
          #expect(notation.exit == .code(0) && notation.error.contains("\"notation\""), "\(notation.error)")
          #expect(try await pull("\(repository):v1", client).exit == .code(5))
          try await client.run(
            "sign", "\(repository):v1", "--notation-key", "\(client.home)/notation.key", "--notation-cert",
            "\(store)/trade.pem")
          let signed = try await pull("\(repository):v1", client)
          #expect(signed.exit == .code(0), "\(signed.error)")
        }
      }
    }

    @Test("what would make no usable policy, or is not said clearly, changes nothing")
    func refusedEdits() async throws {
      try await with { client, _ in
        let (home, key) = (client.home, "\(client.home)/key.asc")
        try Data("nothing\n".utf8).write(to: URL(filePath: "\(home)/none"))
        let policy = #"{ "default": [ {"type": "reject"} ] , "transports": {} }"#
        try write(policy, client)
        for (arguments, code, words) in [
          (["busybox", "--reject"], 2, "docker.io/library/NAME"),
          (["https://registry.example", "--reject"], 2, "the scope"),
          (["*.example:5000", "--reject"], 2, "*.example"),
          (["Registry.example", "--reject"], 2, "capitals"),
          (["relative", "--transport", "oci", "--reject"], 2, "absolute"),
          (["registry.example", "--key", "\(home)/missing"], 3, "\(home)/missing"),
          (["registry.example", "--key", "\(home)/none"], 1, "\(home)/none"),
          (
            [
              "registry.example", "--certificate-identity", "a@b.example", "--certificate-oidc-issuer", "c",
              "--trusted-root", "\(home)/none",
            ], 1, "trustedRootPath"
          ),
          (["registry.example", "--notation-trust-policy", "\(home)/none"], 1, "\(home)/none"),
          (["--default", "--reject"], 2, "--replace"),
        ] as [([String], Int32, String)] {
          let result = try await client.attempt(["trust", "add"] + arguments)
          #expect(
            result.exit == .code(code) && result.error.contains(words), "\(arguments): \(result.error)")
          #expect(try read(client) == Data(policy.utf8), "\(arguments)")
        }
        for broken in [
          "{", "[]", #"{"default": [{"type": "reject"}], "default": []}"#, #"{"transports": {}}"#,
          #"{"default": [{"type": "reject"}], "more": 1}"#,
          #"{"default": [{"type": "reject"}], "transports": []}"#,
          #"{"default": [{"type": "reject"}], "transports": {"docker": null}}"#,
        ] {
          try write(broken, client)
          let result = try await client.attempt(["trust", "add", "registry.example", "--reject"])
          #expect(result.exit == .code(1) && result.error.contains("policy"), "\(broken): \(result.error)")
          #expect(try read(client) == Data(broken.utf8))
        }
        // A rule of which the key is gone can be taken away.
        let gone = #"[{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere"}]"#
        try write(
          #"{"default": [{"type": "reject"}], "transports": {"docker": {"a.example": \#(gone)}}}"#, client)
        #expect(try await client.attempt(["trust", "add", "b.example", "--reject"]).exit == .code(1))
        #expect(
          try await client.run("trust", "remove", "a.example") == "docker a.example goes by default: reject")

        try FileManager.default.removeItem(atPath: file(client))
        try FileManager.default.createSymbolicLink(
          atPath: file(client), withDestinationPath: "\(home)/nothing")
        let link = try await client.attempt(["trust", "add", "registry.example", "--reject"])
        #expect(link.exit == .code(1) && link.error.contains("a link to nothing"), "\(link.error)")

        for arguments in [
          ["add"], ["add", "a.example"], ["add", "--reject"], ["add", "a.example", "--default", "--reject"],
          ["add", "a.example", "--reject", "--accept-anything"],
          ["add", "a.example", "--key", key, "--reject"],
          ["add", "a.example", "--key", key, "--replace", "--also"],
          ["add", "a.example", "--reject", "--also"],
          ["add", "a.example", "--certificate-identity", "a@b.example"],
          ["add", "a.example", "--notation-trust-store", home, "--reject"],
          ["add", "--default", "--transport", "oci", "--reject"], ["remove"], ["list", "--format", "xml"],
        ] {
          let wrong = try await client.attempt(["trust"] + arguments)
          #expect(wrong.exit == .code(2) && wrong.error.contains("--help"), "\(arguments): \(wrong.error)")
        }
      }
    }

    @Test("a file that is named and not there is made; changes at the same time are all made")
    func atOnce() async throws {
      try await KontorClient.with { client in
        let path = "\(client.home)/server.json"
        let first = try await client.attempt([
          "trust", "add", "registry.example", "--reject", "--policy", path,
        ])
        #expect(first.exit == .code(0))
        #expect(first.error.contains("\(path) is new: it began with accepting any image"), "\(first.error)")
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<12 {
            group.addTask {
              try await client.run("trust", "add", "r\(number).example", "--reject", "--policy", path)
            }
          }
          try await group.waitForAll()
        }
        let listed = try await client.run("trust", "list", "--policy", path).split(separator: "\n")
        #expect(listed.count == 14 && listed.last == "default: insecureAcceptAnything", "\(listed)")
        #expect(!FileManager.default.fileExists(atPath: file(client)))
      }
    }
  }
}
