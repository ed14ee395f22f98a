import Foundation
import Testing

extension EndToEndTests {
  /// The registry under a trust policy, with signatures of skopeo's.
  @Suite("trust", .serialized)
  struct TrustTests {
    /// Runs `body` with a directory that has the key's public half in `key.asc`.
    private func withKey(_ body: (SigningKey, String) async throws -> Void) async throws {
      try Tool.require(.gpg, .skopeo)
      try await SigningKey.with { key in
        try await Scratch.withDirectory("policy") { directory in
          try await key.publicKey().write(to: URL(filePath: "\(directory)/key.asc"))
          try await body(key, directory)
        }
      }
    }

    private func signedBy(_ keyFile: String) -> [String: Any] {
      ["type": "signedBy", "keyType": "GPGKeys", "keyPath": keyFile]
    }

    private func policy(_ directory: String, _ enforcement: [String: String] = [:]) -> [String: Any] {
      [
        "default": [signedBy("\(directory)/key.asc")],
        "kontor": ["enforcement": ["": enforcement]],
      ]
    }

    private struct TagList: Decodable { var tags: [String] }

    private func tags(_ http: PlainHTTP, _ repository: String) async throws -> [String] {
      try JSONDecoder().decode(
        TagList.self, from: try await http.send("GET", "/v2/\(repository)/tags/list").body
      ).tags
    }

    @Test("an image is held until skopeo has signed it; who pulls does not see it, who pushes does")
    func held() async throws {
      let images = try await TestImage.shared
      try await withKey { key, directory in
        try await PolicyServer.with(policy: policy(directory), in: directory) { server in
          let digest = try sha256(images.manifestBytes(images.hello))
          try await server.push(images.hello, as: "trade/hello:v1")
          for reference in ["v1", digest] {
            let path = "/v2/trade/hello/manifests/\(reference)"
            let answer = try await server.puller.send("GET", path)
            #expect(answer.status == 404 && answer.errorCodes == ["MANIFEST_UNKNOWN"])
            #expect(try await server.pusher.send("GET", path).status == 200)
          }
          #expect(try await tags(server.puller, "trade/hello") == [])
          #expect(try await tags(server.pusher, "trade/hello") == ["v1"])

          try await server.push(images.hello, as: "trade/hello:v1", signedBy: key)
          #expect(try await server.status("trade/hello", "v1") == 200)
          #expect(try await server.status("trade/hello", digest) == 200)
          #expect(try await tags(server.puller, "trade/hello") == ["v1"])

          // The signature says v1: the image is not the one that was signed as v2.
          try await server.push(images.hello, as: "trade/hello:v2")
          #expect(try await server.status("trade/hello", "v2") == 404)
          // Nor is it an image of another repository.
          try await server.push(images.hello, as: "trade/other:v1")
          #expect(try await server.status("trade/other", "v1") == 404)
          // A tag that is moved to an image that nobody signed.
          try await server.push(images.second, as: "trade/hello:v1")
          #expect(try await server.status("trade/hello", "v1") == 404)
        }
      }
    }

    @Test("Podman's tools find signatures here, by the API's extension and as a lookaside")
    func skopeoVerifies() async throws {
      let images = try await TestImage.shared
      try await withKey { key, directory in
        try await PolicyServer.with(policy: policy(directory), in: directory) { server in
          try await server.push(images.hello, as: "trade/hello:v1", signedBy: key)
          try await server.push(images.second, as: "trade/second:v1")
          func pull(_ name: String, policy file: String) async throws -> Command.Output {
            try await Command(
              tool: .skopeo,
              arguments: [
                "--policy", file, "copy", "--src-tls-verify=false", "docker://\(server.name)/\(name):v1",
                "dir:\(directory)/\(UUID().uuidString)",
              ]
            ).attempt()
          }
          let file = "\(directory)/skopeo.json"
          try JSONSerialization.data(withJSONObject: ["default": [signedBy("\(directory)/key.asc")]])
            .write(to: URL(filePath: file))
          #expect(try await pull("trade/hello", policy: file).succeeded)
          let refused = try await pull("trade/second", policy: file)
          #expect(!refused.succeeded && refused.errorText.contains("signature"), "\(refused.errorText)")

          try await Podman.with { podman in
            func pull(_ name: String) async throws -> Command.Output {
              try await Command(
                tool: .podman,
                arguments: [
                  "pull", "--quiet", "--tls-verify=false", "--signature-policy", file,
                  "\(server.name)/\(name):v1",
                ], environment: podman.environment
              ).attempt()
            }
            let pulled = try await pull("trade/hello")
            #expect(pulled.succeeded, "\(pulled.errorText)")
            let refused = try await pull("trade/second")
            #expect(!refused.succeeded && refused.errorText.contains("signature"), "\(refused.errorText)")
          }

          let hex = try sha256(images.manifestBytes(images.hello)).dropFirst("sha256:".count)
          let place = "/lookaside/trade/hello@sha256=\(hex)"
          let first = try await server.puller.send("GET", "\(place)/signature-1")
          #expect(first.status == 200 && !first.body.isEmpty)
          #expect(try await server.puller.send("GET", "\(place)/signature-2").status == 404)
        }
      }
    }

    @Test("signatures that are not good are refused, with the reason, and change nothing")
    func badSignatures() async throws {
      let images = try await TestImage.shared
      try await withKey { key, directory in
        try await SigningKey.with { stranger in
          try await PolicyServer.with(policy: policy(directory), in: directory) { server in
            await #expect(throws: (any Error).self) {
              try await server.push(images.hello, as: "trade/hello:v1", signedBy: stranger)
            }
            let digest = try sha256(images.manifestBytes(images.hello))
            let path = "/extensions/v2/trade/hello/signatures/\(digest)"
            for (content, name, words, status) in [
              (try await stranger.sign(Data("x".utf8)), "\(digest)@1", "not good", 403),
              (Data("no signature".utf8), "\(digest)@2", "not good", 403),
              (Data("x".utf8), "sha256:0@1", "name", 400), (Data(), "\(digest)@3", "content", 400),
              (Data(count: 70_000), "\(digest)@4", "content", 400),
            ] as [(Data, String, String, Int)] {
              let body: [String: Any] = [
                "schemaVersion": 2, "name": name, "type": "atomic", "content": content.base64EncodedString(),
              ]
              let answer = try await server.pusher.send(
                "PUT", path, body: try JSONSerialization.data(withJSONObject: body))
              let text = String(decoding: answer.body, as: UTF8.self)
              #expect(answer.status == status && text.contains(words), "\(answer.status): \(text)")
            }
            #expect(try await server.pusher.send("GET", path).body == Data(#"{"signatures":[]}"#.utf8))
            #expect(try await server.status("trade/hello", "v1") == 404)
            // Nor can one be put to what is not there.
            let other = "/extensions/v2/trade/none/signatures/\(digest)"
            let body = #"{"schemaVersion": 2, "name": "\#(digest)@1", "type": "atomic", "content": "eA=="}"#
            #expect(try await server.pusher.send("PUT", other, body: Data(body.utf8)).status == 404)
          }
        }
      }
    }

    @Test(
      "refusals say why, warnings give the image; another policy is gone by at once, and a bad one not at all"
    )
    func modes() async throws {
      let images = try await TestImage.shared
      try await withKey { key, directory in
        let enforced = policy(directory, ["push": "allow", "pull": "enforce"])
        try await PolicyServer.with(policy: enforced, in: directory) { server in
          try await server.push(images.hello, as: "trade/hello:v1")
          try await server.push(images.second, as: "trade/second:v1", signedBy: key)
          let refused = try await server.puller.send("GET", "/v2/trade/hello/manifests/v1")
          #expect(refused.status == 403 && refused.errorCodes == ["DENIED"])
          #expect(String(decoding: refused.body, as: UTF8.self).contains("must be signed"))
          #expect(try await server.puller.send("HEAD", "/v2/trade/hello/manifests/v1").status == 403)
          #expect(try await server.status("trade/second", "v1") == 200)

          try await server.replace(policy: policy(directory, ["push": "allow", "pull": "warn"]))
          #expect(try await server.status("trade/hello", "v1") == 200)
          #expect(server.kontor.log.contains("not trusted"))
          try await server.replace(policy: ["default": [["type": "reject"]]])
          #expect(try await server.status("trade/second", "v1") == 404)
          try await server.replace(policy: policy(directory, ["push": "refuse"]))
          await #expect(throws: (any Error).self) {
            try await server.push(images.hello, as: "trade/refused:v1")
          }
          #expect(try await server.pusher.send("GET", "/v2/trade/refused/manifests/v1").status == 404)

          try Data(#"{"default": []}"#.utf8).write(to: URL(filePath: "\(directory)/policy.json"))
          kill(server.kontor.pid, SIGHUP)
          _ = try await server.kontor.daemon.waitFor("the complaint") { daemon in
            daemon.log.contains("the trust policy stays as it was") ? true : nil
          }
          #expect(try await server.status("trade/hello", "v1") == 403)
        }
      }
    }

    @Test(
      "who signs an index signs its images; what was made of a signature's image is judged like it for appc")
    func indexesAndACIs() async throws {
      let images = try await TestImage.shared
      try await withKey { key, directory in
        let appc = ["KONTOR_APPC_HOSTS": "127.0.0.1"]
        try await PolicyServer.with(policy: policy(directory), appc, in: directory) { server in
          let parts = try images.layout.manifest(sha256(images.manifestBytes(images.multi))).manifests ?? []
          #expect(parts.count > 1)
          try await server.push(images.multi, as: "trade/multi:v1", all: true)
          for part in parts {
            #expect(try await server.status("trade/multi", part.digest) == 404)
          }
          try await server.push(
            images.multi, as: "trade/multi:v1", all: true, signedBy: key)
          for part in parts {
            #expect(try await server.status("trade/multi", part.digest) == 200)
          }

          try await server.push(images.hello, as: "trade/hello:v1")
          let aci = "/aci/127.0.0.1/trade/hello/v1/linux/amd64/image.aci"
          #expect(try await server.puller.send("GET", aci).status == 404)
          #expect(try await server.pusher.send("GET", aci).status == 200)
          try await server.push(images.hello, as: "trade/hello:v1", signedBy: key)
          #expect(try await server.puller.send("GET", aci).status == 200)
        }
      }
    }

    /// A key on P-256, and the policy that wants its signatures.
    private func withCosignKey(
      _ enforcement: [String: String] = [:],
      _ body: (_ key: String, _ directory: String, _ policy: [String: Any]) async throws -> Void
    ) async throws {
      try Tool.require(.openssl, .skopeo)
      try await Scratch.withDirectory("cosign") { directory in
        let (secret, file) = ("\(directory)/key.pem", "\(directory)/key.pub")
        try await Tool.openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", secret)
        try await Tool.openssl.run("ec", "-in", secret, "-pubout", "-out", file)
        try await body(
          secret, directory,
          [
            "default": [
              [
                "type": "sigstoreSigned", "keyPath": file, "signedIdentity": ["type": "matchRepository"],
              ]
            ], "kontor": ["enforcement": ["": enforcement]],
          ])
      }
    }

    /// Signs as cosign does: a document, and its signature in an image whose tag is made of the digest.
    /// - Returns: the answer to that image.
    private func cosign(
      _ digest: String, as name: String, with key: String, in repository: String, of server: PolicyServer,
      damaged: Bool = false
    ) async throws -> PlainHTTP.Response {
      let payload = Data(
        """
        {"critical":{"identity":{"docker-reference":"\(name)"},"image":{"docker-manifest-digest":"\(digest)"},\
        "type":"cosign container image signature"},"optional":null}
        """.utf8)
      var signature = try await Tool.openssl.run("dgst", "-sha256", "-sign", key, input: payload)
        .standardOutput
      if damaged { signature[signature.count - 1] ^= 1 }
      return try await server.pusher.pushSignatures(
        repository, tag: "\(digest.replacing(":", with: "-")).sig",
        mediaType: SignedImage.MediaType.signature,
        [(payload, ["dev.cosignproject.cosign/signature": signature.base64EncodedString()])])
    }

    @Test(
      "an image is held until it has a signature as cosign makes them; others' and damaged ones are refused")
    func heldForCosign() async throws {
      let images = try await TestImage.shared
      try await withCosignKey { key, directory, policy in
        try await PolicyServer.with(policy: policy, in: directory) { server in
          let digest = try sha256(images.manifestBytes(images.hello))
          try await server.push(images.hello, as: "trade/hello:v1")
          let name = "\(server.name)/trade/hello"
          let stranger = "\(directory)/stranger.pem"
          try await Tool.openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", stranger)
          for (named, signer, damaged) in [
            (name, stranger, false), (name, key, true), ("\(server.name)/trade/other", key, false),
          ] {
            let answer = try await cosign(
              digest, as: named, with: signer, in: "trade/hello", of: server, damaged: damaged)
            #expect(answer.status == 403 && answer.errorCodes == ["DENIED"], "\(named) \(damaged)")
            #expect(try await server.status("trade/hello", "v1") == 404)
          }
          #expect(try await cosign(digest, as: name, with: key, in: "trade/hello", of: server).status == 201)
          #expect(try await server.status("trade/hello", "v1") == 200)
          // Signatures are there for everybody, and do not show as held.
          let tag = "\(digest.replacing(":", with: "-")).sig"
          #expect(try await server.status("trade/hello", tag) == 200)
          #expect(try await tags(server.puller, "trade/hello") == [tag, "v1"])
          // A tag says nothing: the same signature under the tag of another image's digest.
          let other = try sha256(images.manifestBytes(images.second))
          try await server.push(images.second, as: "trade/hello:v2")
          let signature = try await server.pusher.send("GET", "/v2/trade/hello/manifests/\(tag)")
          let moved = try await server.pusher.pushManifest(
            "trade/hello", "\(other.replacing(":", with: "-")).sig", signature.body)
          #expect(moved.status == 403)
          #expect(try await server.status("trade/hello", "v2") == 404)
          // Without its signature it is held again.
          let deleted = try await server.pusher.deleteManifest("trade/hello", tag)
          #expect(deleted.status == 202)
          #expect(try await server.status("trade/hello", "v1") == 404)
        }
      }
    }

    @Test(
      "where images are refused until they are signed, the signature comes first; an index's images need none"
    )
    func refused() async throws {
      let images = try await TestImage.shared
      try await withCosignKey(["push": "refuse"]) { key, directory, policy in
        try await PolicyServer.with(policy: policy, in: directory) { server in
          let digest = try sha256(images.manifestBytes(images.multi))
          await #expect(throws: (any Error).self) {
            try await server.push(images.multi, as: "trade/multi:v1", all: true)
          }
          let name = "\(server.name)/trade/multi"
          #expect(try await cosign(digest, as: name, with: key, in: "trade/multi", of: server).status == 201)
          try await server.push(images.multi, as: "trade/multi:v1", all: true)
          #expect(try await server.status("trade/multi", "v1") == 200)
        }
      }
    }

    @Test(
      "an image is held until it has the attestation that the policy asks for, under cosign's tag; the client looks there, too"
    )
    func attestations() async throws {
      let images = try await TestImage.shared
      try Tool.require(.skopeo)
      try await Scratch.withDirectory("attestations") { directory in
        let manifest = try images.manifestBytes(images.hello)
        let made = try await SignedImage.make(of: manifest, as: "elsewhere.example/hello", in: directory)
        let policy: [String: Any] = [
          "default": [
            [
              "type": "sigstoreSigned", "keyPath": "\(directory)/key.pub",
              "predicateType": made.predicateType, "signedIdentity": ["type": "matchDigest"],
            ] as [String: Any]
          ]
        ]
        try await PolicyServer.with(policy: policy, in: directory) { server in
          try await server.push(images.hello, as: "trade/hello:v1")
          let tag = sha256(manifest).replacing(":", with: "-") + ".att"
          func attest(_ names: String...) async throws -> PlainHTTP.Response {
            try await server.pusher.pushSignatures(
              "trade/hello", tag: tag, mediaType: SignedImage.MediaType.attestation,
              names.map { name in
                (
                  try made.attestation(name),
                  ["dev.cosignproject.cosign/signature": "", "predicateType": made.predicateType]
                )
              })
          }
          func pull() async throws -> KontorCommand.Result {
            try await KontorCommand.run([
              "pull", "\(server.name)/trade/hello:v1", "--verify", "\(directory)/policy.json", "--to",
              "oci:\(directory)/\(UUID())",
            ])
          }
          for (name, words) in [
            ("other digest", "not about this manifest"), ("changed payload", "not made by any of the keys"),
            ("other payload type", "is not known"), ("payload type changed", "not made by any of the keys"),
            ("other key", "not made by any of the keys"),
            ("swapped signature", "not made by any of the keys"),
          ] {
            let answer = try await attest(name)
            #expect(answer.status == 403 && answer.errorCodes == ["DENIED"], "\(name)")
            #expect(String(decoding: answer.body, as: UTF8.self).contains(words), "\(name)")
            #expect(try await server.status("trade/hello", "v1") == 404, "\(name)")
          }
          // Whatever else is said of an image may be said, and is not enough.
          #expect(try await attest("another kind").status == 201)
          #expect(try await server.status("trade/hello", "v1") == 404)
          #expect(try await server.status("trade/hello", tag) == 200)
          let refused = try await pull()
          #expect(refused.exit == .code(5), "\(refused.error)")
          #expect(refused.error.contains("not over a statement of the type asked for"), "\(refused.error)")

          #expect(try await attest("other key", "another kind", "good").status == 201)
          #expect(try await server.status("trade/hello", "v1") == 200)
          let taken = try await pull()
          #expect(taken.exit == .code(0), "\(taken.error)")
          // A statement about an image is no signature of it.
          try await server.replace(policy: [
            "default": [
              [
                "type": "sigstoreSigned", "keyPath": "\(directory)/key.pub",
                "signedIdentity": ["type": "matchDigest"],
              ] as [String: Any]
            ]
          ])
          #expect(try await server.status("trade/hello", "v1") == 404)
        }
      }
    }

    @Test("a server does not start with a policy that it cannot go by, and says where it is wrong")
    func badPolicies() async throws {
      try await withKey { _, directory in
        for (policy, words) in [
          (#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere"}]}"#, "/nowhere"),
          (#"{"default": [{"type": "trustMe"}]}"#, "default[0]"),
          (#"{"transports": {}}"#, "default"), ("{", "policy.json"),
          (#"{"default": [], "default": []}"#, "default"),
        ] {
          let file = "\(directory)/policy.json"
          try Data(policy.utf8).write(to: URL(filePath: file))
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(directory)/data"],
            environment: ["KONTOR_TRUST_POLICY": file])
          #expect(result.exit != .code(0) && result.error.contains(words), "\(policy): \(result.error)")
        }
      }
    }
  }
}
