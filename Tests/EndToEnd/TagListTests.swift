import Foundation
import Testing

extension EndToEndTests {
  /// Lists of tags that the registry signs, and a client that goes back behind none.
  @Suite("signed tag lists", .serialized)
  struct TagListTests {
    private static let name = "registry.test"

    /// Makes keys `tags.key`, under the passphrase in `passphrase`, and `tags.pub` in the client's home.
    private func makeKeys(_ client: KontorClient) async throws {
      try Data("secret\n".utf8).write(to: URL(filePath: "\(client.home)/passphrase"))
      try await client.run(
        "generate-key-pair", "--output-key-prefix", "\(client.home)/tags", "--passphrase-file",
        "\(client.home)/passphrase")
    }

    private func settings(_ client: KontorClient, data: String? = nil) -> KontorProcess.Settings {
      KontorProcess.Settings(
        data: data,
        environment: [
          "KONTOR_TRUST_REGISTRY": Self.name, "KONTOR_TRUST_TAGLISTKEY": "\(client.home)/tags.key",
          "KONTOR_TRUST_TAGLISTPASSPHRASEFILE": "\(client.home)/passphrase",
          "KONTOR_TRUST_TAGLISTLIFETIME": "1h",
        ])
    }

    /// Makes the client find the registry's name at an address.
    private func lead(_ client: KontorClient, to address: String, mirror: String? = nil) throws {
      let directory = "\(client.home)/.config/containers"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      var text = "[[registry]]\nprefix = \"\(Self.name)\"\nlocation = \"\(address)\"\n"
      if let mirror { text += "[[registry.mirror]]\nlocation = \"\(mirror)\"\n" }
      try Data(text.utf8).write(to: URL(filePath: "\(directory)/registries.conf"))
    }

    private func write(policy freshness: String, _ client: KontorClient) throws {
      let text = """
        {"default": [{"type": "insecureAcceptAnything"}], "kontor": {"freshness": {\(freshness)}}}
        """
        .replacingOccurrences(of: "KEY", with: "\(client.home)/tags.pub")
      try Data(text.utf8).write(to: URL(filePath: "\(client.home)/.config/containers/policy.json"))
    }

    private struct Payload: Decodable {
      struct Target: Decodable { let hashes: [String: String] }
      let repository: String
      let version: Int64
      let targets: [String: Target]
    }

    private func payload(_ response: PlainHTTP.Response) throws -> Payload {
      struct Envelope: Decodable { let payload: Data }
      let envelope = try JSONDecoder().decode(Envelope.self, from: response.body)
      return try JSONDecoder().decode(Payload.self, from: envelope.payload)
    }

    @Test("the list follows the tags; its version rises with each change, and stays without one")
    func server() async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        try await makeKeys(client)
        try await KontorProcess.with(settings(client)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          let path = "/v2/trade/hello/_kontor/tags/signed"
          let unknown = try await http.send("GET", path)
          #expect(unknown.status == 404 && unknown.errorCodes == ["NAME_UNKNOWN"])

          func push(_ image: String, _ reference: String) async throws -> String {
            try await client.run("push", images.source(image), kontor.endpoint.reference(reference))
          }
          let first = try await push("hello", "trade/hello:v1")
          let response = try await http.send("GET", path)
          #expect(response.status == 200)
          #expect(response["content-type"] == "application/vnd.dsse.envelope.v1+json")
          let list = try payload(response)
          #expect(list.repository == "registry.test/trade/hello")
          #expect(list.targets.mapValues(\.hashes) == ["v1": ["sha256": String(first.dropFirst(7))]])

          // What changes no tag makes no new version.
          _ = try await push("second", "trade/hello@\(images.layout.descriptor(tag: "second").digest)")
          let same = try await http.send("GET", path)
          #expect(same.body == response.body && same["etag"] == response["etag"])
          let known = try await http.send(
            "GET", path, headers: ["If-None-Match": try #require(response["etag"])])
          #expect(known.status == 304 && known.body.isEmpty)
          let head = try await http.send("HEAD", path)
          #expect(head.status == 200 && head["content-length"] == "\(response.body.count)")

          let second = try await push("second", "trade/hello:v1")
          let moved = try payload(try await http.send("GET", path))
          #expect(moved.version > list.version)
          #expect(moved.targets["v1"]?.hashes == ["sha256": String(second.dropFirst(7))])
          try await client.run("delete", kontor.endpoint.reference("trade/hello:v1"))
          let empty = try payload(try await http.send("GET", path))
          #expect(empty.version > moved.version && empty.targets.isEmpty)
          #expect(try await http.send("PUT", path).status == 405)

          let extensions = try await http.send("GET", "/v2/trade/hello/_oci/ext/discover")
          #expect(String(decoding: extensions.body, as: UTF8.self).contains(path))
          // At the same moment, all get the same list.
          _ = try await push("hello", "trade/many:v1")
          let bodies = try await withThrowingTaskGroup(of: Data.self) { group in
            for _ in 0..<20 {
              group.addTask { try await http.send("GET", "/v2/trade/many/_kontor/tags/signed").body }
            }
            return try await group.reduce(into: Set<Data>()) { $0.insert($1) }
          }
          #expect(bodies.count == 1)
        }
        try await KontorProcess.with { kontor in
          let http = PlainHTTP(kontor.endpoint)
          let none = try await http.send("GET", "/v2/trade/hello/_kontor/tags/signed")
          #expect(none.status == 404 && none.errorCodes == ["UNSUPPORTED"])
          let extensions = try await http.send("GET", "/v2/trade/hello/_oci/ext/discover")
          #expect(!String(decoding: extensions.body, as: UTF8.self).contains("_kontor"))
        }
      }
    }

    @Test("held images are in nobody's list")
    func held() async throws {
      try Tool.require(.gpg, .skopeo)
      try await KontorClient.with { client in
        try await makeKeys(client)
        try await SigningKey.with { key in
          try await key.publicKey().write(to: URL(filePath: "\(client.home)/key.asc"))
          let policy: [String: Any] = [
            "default": [["type": "signedBy", "keyType": "GPGKeys", "keyPath": "\(client.home)/key.asc"]]
          ]
          let environment = settings(client).environment.filter { $0.key != "KONTOR_TRUST_REGISTRY" }
          try await PolicyServer.with(policy: policy, environment, in: client.home) { server in
            try await server.push("hello", as: "trade/hello:signed", signedBy: key)
            try await server.push("second", as: "trade/hello:unsigned")
            let path = "/v2/trade/hello/_kontor/tags/signed"
            for http in [server.pusher, server.puller] {
              let list = try payload(try await http.send("GET", path))
              #expect(list.targets.keys.sorted() == ["signed"])
              #expect(list.repository == "localhost:\(server.kontor.endpoint.port)/trade/hello")
            }
            try await server.push("second", as: "trade/hello:unsigned", signedBy: key)
            let list = try payload(try await server.puller.send("GET", path))
            #expect(list.targets.keys.sorted() == ["signed", "unsigned"])
          }
        }
      }
    }

    @Test("a client pulls what the list says, and refuses a list that is older than the one before")
    func rollback() async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        try await makeKeys(client)
        try await Scratch.withDirectory("former") { former in
          func pull(_ more: String...) async throws -> KontorCommand.Result {
            try await client.attempt(
              ["pull", "\(Self.name)/trade/hello:v1", "--to", "oci:\(client.home)/\(UUID())"] + more)
          }
          let hello = try images.layout.descriptor(tag: "hello").digest
          let second = try images.layout.descriptor(tag: "second").digest
          try await KontorProcess.with(settings(client, data: "\(former)/data")) { kontor in
            try lead(client, to: kontor.endpoint.hostAndPort)
            try await client.run(
              "push", images.source("hello"), kontor.endpoint.reference("trade/hello:v1"))
            try write(policy: #""registry.test": {"type": "signedTags", "keyPath": "KEY"}"#, client)
            let first = try await pull()
            #expect(first.exit == .code(0) && first.output.contains(hello), "\(first.error)")
            let explained = try await client.run(
              "policy", "explain", "\(Self.name)/trade/hello:v1", "--policy",
              "\(client.home)/.config/containers/policy.json")
            #expect(explained.contains("the tag is in the signed list of version "))
          }
          // The registry goes on; whoever has the former state shows it again.
          let state = "\(former)/copy"
          try FileManager.default.copyItem(atPath: "\(former)/data", toPath: state)
          try await KontorProcess.with(settings(client, data: "\(former)/data")) { kontor in
            try lead(client, to: kontor.endpoint.hostAndPort)
            try await client.run(
              "push", images.source("second"), kontor.endpoint.reference("trade/hello:v1"))
            let moved = try await pull()
            #expect(moved.exit == .code(0) && moved.output.contains(second), "\(moved.error)")
            let missing = try await client.attempt(
              ["pull", "\(Self.name)/trade/hello:v2", "--to", "oci:\(client.home)/out"])
            #expect(missing.exit == .code(3) && missing.error.contains("signed list of tags"))
          }
          try await KontorProcess.with(settings(client, data: state)) { kontor in
            try lead(client, to: kontor.endpoint.hostAndPort)
            let replayed = try await pull()
            #expect(replayed.exit == .code(5), "\(replayed.output)")
            #expect(replayed.error.contains("a former state of the repository"), "\(replayed.error)")
            let copied = try await client.attempt(
              ["copy", "\(Self.name)/trade/hello:v1", "dir:\(client.home)/dir"])
            #expect(copied.exit == .code(5))
            // By digest nothing can be another image; without the policy anything goes.
            let digest = try await client.attempt(
              ["pull", "\(Self.name)/trade/hello@\(hello)", "--to", "oci:\(client.home)/digest"])
            #expect(digest.exit == .code(0), "\(digest.error)")
            #expect(try await pull("--insecure-policy").exit == .code(0))
            // A push is word of the registry's that this is the state that holds.
            try await client.run(
              "push", images.source("hello"), kontor.endpoint.reference("trade/hello:other"))
            let vouched = try await pull()
            #expect(vouched.exit == .code(0) && vouched.output.contains(hello), "\(vouched.error)")
          }
        }
      }
    }

    @Test(
      "a registry without a list, and a list by another key, are refused; a mirror without one is passed over"
    )
    func others() async throws {
      let images = try await TestImage.shared
      try await KontorClient.with { client in
        try await makeKeys(client)
        let image = "\(Self.name)/trade/hello:v1"
        let pull = ["pull", image, "--to", "oci:\(client.home)/out"]
        try await DockerRegistryServer.with { registry in
          try await client.run(
            "push", images.source("hello"), "\(registry.hostAndPort)/trade/hello:v1", "--plain-http")
          try lead(client, to: registry.hostAndPort)
          try write(policy: #""": {"type": "signedTags", "keyPath": "KEY"}"#, client)
          let without = try await client.attempt(pull + ["--plain-http"])
          #expect(without.exit == .code(5), "\(without.error)")
          #expect(without.error.contains("has no signed list of its tags"))

          try await KontorProcess.with(settings(client)) { kontor in
            try await client.run(
              "push", images.source("hello"), kontor.endpoint.reference("trade/hello:v1"),
              "--insecure-policy")
            try lead(client, to: kontor.endpoint.hostAndPort, mirror: registry.hostAndPort)
            let mirrored = try await client.attempt(pull + ["--plain-http"])
            #expect(mirrored.exit == .code(0), "\(mirrored.error)")

            try await client.run(
              "generate-key-pair", "--output-key-prefix", "\(client.home)/other", "--passphrase-file",
              "\(client.home)/passphrase")
            try write(
              policy: #""": {"type": "signedTags", "keyPath": "\#(client.home)/other.pub"}"#, client)
            let other = try await client.attempt(pull)
            #expect(other.exit == .code(5) && other.error.contains("not signed by any"), "\(other.error)")
            try write(
              policy: #""": {"type": "signedTags", "keyPath": "\#(client.home)/other.pub"}, "#
                + #""registry.test/trade": {"type": "insecureAcceptAnything"}"#, client)
            #expect(try await client.attempt(pull).exit == .code(0))

            // What was seen is not forgotten when it cannot be read.
            try write(policy: #""": {"type": "signedTags", "keyPath": "KEY"}"#, client)
            let directory = "\(client.home)/.local/state/kontor/tag-lists"
            let file = try #require(try FileManager.default.contentsOfDirectory(atPath: directory).first)
            try Data("{".utf8).write(to: URL(filePath: "\(directory)/\(file)"))
            let damaged = try await client.attempt(pull)
            #expect(damaged.exit == .code(1) && damaged.error.contains("is damaged"), "\(damaged.error)")
          }
        }
      }
    }

    @Test("a key that cannot be used stops the start")
    func badKeys() async throws {
      try await KontorClient.with { client in
        try await makeKeys(client)
        for (environment, reason) in [
          (["TAGLISTKEY": "\(client.home)/none"], "there is no file"),
          (["TAGLISTKEY": "\(client.home)/tags.key"], "trust.tagListPassphraseFile"),
          (["TAGLISTKEY": "\(client.home)/tags.pub"], "no private key"),
          (["TAGLISTPASSPHRASEFILE": "\(client.home)/passphrase"], "trust.tagListKey is not"),
          (["TAGLISTKEY": "\(client.home)/tags.key", "TAGLISTLIFETIME": "1s"], "a duration of at least 60s"),
        ] {
          let variables = Dictionary(uniqueKeysWithValues: environment.map { ("KONTOR_TRUST_" + $0, $1) })
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(client.home)/data"], environment: variables)
          #expect(result.exit != .code(0) && result.error.contains(reason), "\(result.error)")
        }
      }
    }
  }
}
