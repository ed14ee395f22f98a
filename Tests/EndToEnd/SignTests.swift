import Foundation
import Testing

extension EndToEndTests {
  /// `kontor sign`: other programs, and the registry under a policy, take what it makes.
  @Suite("signing in the client", .serialized)
  struct SignTests {
    private static let password = ["COSIGN_PASSWORD": "open sesame"]

    /// Runs `body` with a client that has a key of its own, `cosign.key`, and one of notation's, `notation.key`.
    private func withKeys(_ body: (KontorClient) async throws -> Void) async throws {
      try Tool.require(.openssl, .skopeo)
      try await KontorClient.with { client in
        var client = client
        client.environment = Self.password
        try await client.run("generate-key-pair", "--output-key-prefix", "\(client.home)/cosign")
        let store = "\(client.home)/store/x509/ca/trade"
        try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
        try await Tool.openssl.run(
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
          "-keyout", "\(client.home)/notation.key", "-out", "\(store)/trade.pem",
          "-subj", "/C=DE/ST=Hamburg/O=Trade/CN=signer", "-addext", "keyUsage=critical,digitalSignature",
          "-addext", "extendedKeyUsage=codeSigning", "-addext", "basicConstraints=critical,CA:false")
        try await body(client)
      }
    }

    private func notationFlags(_ client: KontorClient) -> [String] {
      let certificate = "\(client.home)/store/x509/ca/trade/trade.pem"
      return ["--notation-key", "\(client.home)/notation.key", "--notation-cert", certificate]
    }

    private func sign(_ client: KontorClient, _ arguments: [String]) async throws {
      let result = try await client.attempt(["sign"] + arguments)
      #expect(result.exit == .code(0) && result.output.hasPrefix("sha256:"), "\(arguments): \(result.error)")
    }

    @Test("who may sign and not push signs in each of the forms, and pushes nothing else")
    func signer() async throws {
      let images = try await TestImage.shared
      let rules = """
        {"rules": [
          {"repositories": ["**"], "who": ["user:root"], "actions": ["pull", "push"]},
          {"repositories": ["trade/**"], "who": ["user:alice"], "actions": ["pull", "sign"]}
        ]}
        """
      try await withKeys { client in
        try await SigningKey.with { key in
          try await AccessServer.with(rules: rules) { server in
            let endpoint = server.kontor.endpoint
            let image = endpoint.reference("trade/hello:v1")
            func login(_ user: String) async throws {
              try await client.run(
                "login", endpoint.hostAndPort, "--username", user, "--password-stdin",
                input: Data("\(user)'s password".utf8))
            }
            try await login("root")
            try await client.run("push", images.source("hello"), image)
            try await login("alice")
            for flags in [
              ["--sign-by-gpg", key.secret], ["--key", "\(client.home)/cosign.key"],
              ["--key", "\(client.home)/cosign.key", "--bundle"], notationFlags(client),
            ] {
              try await sign(client, flags + [image])
            }
            let digest = try images.layout.descriptor(tag: "hello").digest
            let tag = digest.replacing(":", with: "-") + ".sig"
            let tags = try await client.run("tags", endpoint.reference("trade/hello"))
            #expect(tags.split(separator: "\n").sorted() == [tag[...], "v1"].sorted(), "\(tags)")
            struct Index: Decodable {
              struct Manifest: Decodable { let artifactType: String }
              let manifests: [Manifest]
            }
            let http = PlainHTTP(endpoint)
            let alice = AccessServer.basic("alice")
            let referrers = try await http.send("GET", "/v2/trade/hello/referrers/\(digest)", headers: alice)
            #expect(try JSONDecoder().decode(Index.self, from: referrers.body).manifests.count == 2)

            // An image, in the repository or in another one; what is there is not moved or deleted.
            for name in ["trade/hello:v2", "trade/other:v1", "other/hello:v1"] {
              let pushed = try await client.attempt([
                "push", images.source("second"), endpoint.reference(name),
              ])
              #expect(pushed.exit == .code(4), "\(name): \(pushed.error)")
            }
            let moved = try await client.attempt(["tag", image, "v2"])
            #expect(moved.exit == .code(4), "\(moved.error)")
            let skopeo = try await Command(
              tool: .skopeo,
              arguments: [
                "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds",
                "alice:alice's password",
                images.source("second"), endpoint.docker("trade/hello:v2"),
              ]
            ).attempt()
            #expect(
              !skopeo.succeeded && skopeo.errorText.contains("you may only sign here"), "\(skopeo.errorText)")
            for (method, path, status) in [
              ("DELETE", "/v2/trade/hello/manifests/v1", 403),
              ("DELETE", "/v2/trade/hello/manifests/\(tag)", 403),
              ("POST", "/v2/other/hello/blobs/uploads/", 403),
              ("POST", "/v2/trade/hello/blobs/uploads/", 202),
            ] {
              #expect(try await http.send(method, path, headers: alice).status == status, "\(method) \(path)")
            }
            let large = try await http.send(
              "POST", "/v2/trade/hello/blobs/uploads/?digest=\(digest)", headers: alice,
              body: Data(count: (4 << 20) + 1))
            #expect(large.status == 413 && large.errorCodes == ["DENIED"])
          }
        }
      }
    }

    @Test("a registry under a policy shows an image as soon as it is signed, in each of the forms")
    func held() async throws {
      try await withKeys { client in
        try await SigningKey.with { key in
          let directory = client.home
          try await key.publicKey().write(to: URL(filePath: "\(directory)/key.asc"))
          let cosign = ["type": "sigstoreSigned", "keyPath": "\(directory)/cosign.pub"] as [String: Any]
          let trustPolicy: [String: Any] = [
            "version": "1.0",
            "trustPolicies": [
              [
                "name": "all", "registryScopes": ["*"], "trustStores": ["ca:trade"],
                "trustedIdentities": ["*"], "signatureVerification": ["level": "permissive"],
              ]
            ],
          ]
          let forms: [(String, [String], [String: Any])] = [
            (
              "gpg", ["--sign-by-gpg", key.secret],
              ["type": "signedBy", "keyType": "GPGKeys", "keyPath": "\(directory)/key.asc"]
            ),
            ("cosign", ["--key", "\(directory)/cosign.key"], cosign),
            (
              "bundle", ["--key", "\(directory)/cosign.key", "--bundle"],
              cosign.merging(["signedIdentity": ["type": "matchDigest"]]) { $1 }
            ),
            (
              "notation", notationFlags(client),
              [
                "type": "notation", "trustPolicy": trustPolicy,
                "trustStorePath": "\(directory)/store",
              ]
            ),
          ]
          let policy: [String: Any] = ["default": [["type": "reject"]]]
          try await PolicyServer.with(policy: policy, in: directory) { server in
            let scopes = forms.map { ("\(server.name)/trade/\($0.0)", [$0.2]) }
            try await server.replace(policy: [
              "default": [["type": "reject"]],
              "transports": ["docker": Dictionary(uniqueKeysWithValues: scopes)],
            ])
            for (name, flags, _) in forms {
              try await server.push("hello", as: "trade/\(name):v1")
              #expect(try await server.status("trade/\(name)", "v1") == 404, "\(name)")
              try await sign(client, ["\(server.name)/trade/\(name):v1"] + flags)
              #expect(try await server.status("trade/\(name)", "v1") == 200, "\(name)")
            }
          }
        }
      }
    }

    @Test(
      "skopeo trusts what was signed, by a lookaside; a second signature of cosign's form joins the first"
    )
    func skopeo() async throws {
      try await DockerRegistryServer.with { registry in
        try await withKeys { client in
          try await SigningKey.with { key in
            let image = "\(registry.hostAndPort)/trade/hello:v1"
            let images = try await TestImage.shared
            try await client.run("push", images.source("hello"), image)
            try await key.publicKey().write(to: URL(filePath: "\(client.home)/key.asc"))
            let settings = "\(client.home)/.config/containers/registries.d"
            try FileManager.default.createDirectory(atPath: settings, withIntermediateDirectories: true)
            let text = """
              docker:
                \(registry.hostAndPort):
                  lookaside-staging: file://\(client.home)/signatures
                  lookaside: file://\(client.home)/signatures

              """
            try Data(text.utf8).write(to: URL(filePath: "\(settings)/test.yaml"))

            func pull(_ requirement: [String: String]) async throws -> Command.Output {
              let policy = "\(client.home)/policy.json"
              try JSONSerialization.data(withJSONObject: ["default": [requirement]])
                .write(to: URL(filePath: policy))
              return try await Command(
                tool: .skopeo,
                arguments: [
                  "--policy", policy, "--registries.d", settings, "copy", "--src-tls-verify=false",
                  "docker://\(image)", "dir:\(client.home)/\(UUID())",
                ]
              ).attempt()
            }
            let signedBy = ["type": "signedBy", "keyType": "GPGKeys", "keyPath": "\(client.home)/key.asc"]
            #expect(try await !pull(signedBy).succeeded)
            try await sign(client, [image, "--sign-by-gpg", key.secret])
            let taken = try await pull(signedBy)
            #expect(taken.succeeded, "\(taken.errorText)")

            // Debian's skopeo has no part for these.
            try await client.run("generate-key-pair", "--output-key-prefix", "\(client.home)/other")
            for name in ["cosign", "other"] {
              try await sign(client, [image, "--key", "\(client.home)/\(name).key"])
            }
            try await sign(client, [image, "--key", "\(client.home)/cosign.key", "--bundle"])
            let verified = try await client.run(
              "verify", image, "--key", "\(client.home)/cosign.pub", "--key", "\(client.home)/other.pub")
            #expect(verified.components(separatedBy: "good: cosign").count == 3, "\(verified)")
            #expect(verified.contains("good: sigstore bundle"))
          }
        }
      }
    }

    @Test("OpenSSL verifies a signature of cosign's form; keys that are there stay; wrong usage is refused")
    func openSSL() async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { kontor in
        try await withKeys { client in
          let image = kontor.endpoint.reference("trade/hello:v1")
          let digest = try await client.run("push", images.source("hello"), image)
          try await sign(client, [image, "--key", "\(client.home)/cosign.key"])
          let http = PlainHTTP(kontor.endpoint)
          let tag = digest.replacingOccurrences(of: ":", with: "-") + ".sig"
          let answer = try await http.send("GET", "/v2/trade/hello/manifests/\(tag)")
          struct Signatures: Decodable {
            struct Layer: Decodable {
              var digest: String
              var annotations: [String: String]
            }
            var layers: [Layer]
          }
          let layer = try #require(JSONDecoder().decode(Signatures.self, from: answer.body).layers.first)
          let payload = try await http.send("GET", "/v2/trade/hello/blobs/\(layer.digest)").body
          #expect(String(decoding: payload, as: UTF8.self).contains(digest))
          let text = try #require(layer.annotations["dev.cosignproject.cosign/signature"])
          try payload.write(to: URL(filePath: "\(client.home)/payload"))
          try #require(Data(base64Encoded: text)).write(to: URL(filePath: "\(client.home)/signature"))
          try await Tool.openssl.run(
            "dgst", "-sha256", "-verify", "\(client.home)/cosign.pub", "-signature",
            "\(client.home)/signature", "\(client.home)/payload")

          let before = try Data(contentsOf: URL(filePath: "\(client.home)/cosign.key"))
          let again = try await client.attempt([
            "generate-key-pair", "--output-key-prefix", "\(client.home)/cosign",
          ])
          #expect(again.exit == .code(1) && again.error.contains("is there already"))
          #expect(try Data(contentsOf: URL(filePath: "\(client.home)/cosign.key")) == before)

          try Data("wrong\n".utf8).write(to: URL(filePath: "\(client.home)/wrong"))
          let wrong = try await client.attempt([
            "sign", image, "--key", "\(client.home)/cosign.key", "--passphrase-file", "\(client.home)/wrong",
          ])
          #expect(wrong.exit == .code(1) && wrong.error.contains("passphrase"), "\(wrong.error)")
          for flags in [[], ["--bundle", "--sign-by-gpg", "x"], ["--notation-key", "x"]] {
            let refused = try await client.attempt(["sign", image] + flags)
            #expect(refused.exit == .code(2) && refused.error.contains("--help"), "\(refused.error)")
          }
        }
      }
    }
  }
}
