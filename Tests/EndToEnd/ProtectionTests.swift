import Foundation
import Testing

extension EndToEndTests {
  /// What protects a registry from those who may use it.
  @Suite("protection", .serialized)
  struct ProtectionTests {
    @Test("an immutable tag is moved and deleted by nobody; the same image may be pushed again")
    func immutableTags() async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      let environment = ["KONTOR_PUSH_IMMUTABLETAGS": "trade/**:v*,**:release"]
      try await KontorProcess.with(.init(environment: environment)) { kontor in
        try await KontorClient.with { client in
          let endpoint = kontor.endpoint
          func push(_ image: String, _ name: String) async throws -> KontorCommand.Result {
            try await client.attempt(["push", images.source(image), endpoint.reference(name)])
          }
          let http = PlainHTTP(endpoint)
          for name in ["trade/hello:v1", "other/hello:release"] {
            #expect(try await push("hello", name).exit == .code(0))
            #expect(try await push("hello", name).exit == .code(0))
            let moved = try await push("second", name)
            #expect(moved.exit == .code(4) && moved.error.contains("is immutable"), "\(moved.error)")
            let parts = name.split(separator: ":")
            let deleted = try await http.send("DELETE", "/v2/\(parts[0])/manifests/\(parts[1])")
            #expect(deleted.status == 403 && deleted.errorCodes == ["DENIED"])
            let digest = try images.layout.descriptor(tag: "hello").digest
            let whole = try await http.send("DELETE", "/v2/\(parts[0])/manifests/\(digest)")
            #expect(whole.status == 403)
            #expect(try await http.send("GET", "/v2/\(parts[0])/manifests/\(parts[1])").status == 200)
          }
          // Several tags at once: all of them, or none.
          let manifest = try images.manifestBytes("second")
          let several = try await http.send(
            "PUT", "/v2/trade/hello/manifests/w1?tag=w2&tag=v1",
            headers: ["Content-Type": "application/vnd.oci.image.manifest.v1+json"], body: manifest)
          #expect(several.status == 403 || several.status == 400)
          #expect(try await http.send("GET", "/v2/trade/hello/manifests/w2").status == 404)
          // Others are as they were.
          for image in ["hello", "second"] {
            #expect(try await push(image, "other/hello:v1").exit == .code(0))
          }
          #expect(try await http.send("DELETE", "/v2/other/hello/manifests/v1").status == 202)
          let skopeo = try await Command(
            tool: .skopeo,
            arguments: [
              "--insecure-policy", "copy", "--dest-tls-verify=false", images.source("second"),
              endpoint.docker("trade/hello:v1"),
            ]
          ).attempt()
          #expect(!skopeo.succeeded && skopeo.errorText.contains("immutable"), "\(skopeo.errorText)")
        }
      }
      let wrong = try await KontorCommand.run(
        ["serve", "--listen", "127.0.0.1:0"], environment: ["KONTOR_PUSH_IMMUTABLETAGS": "trade/hello"])
      #expect(wrong.exit == .code(2) && wrong.error.contains("KONTOR_PUSH_IMMUTABLETAGS"))
    }

    private struct Entry: Decodable {
      let user: String
      let method: String?
      let target: String?
      let repository: String?
      let status: Int?
      let command: String?
      let subject: String?
    }

    private func entries(_ path: String) throws -> [Entry] {
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        try JSONDecoder().decode(Entry.self, from: Data($0.utf8))
      }
    }

    @Test("the audit log has each change and each denial, and no secret")
    func audit() async throws {
      let images = try await TestImage.shared
      try await Scratch.withDirectory("audit") { directory in
        let path = "\(directory)/audit.json"
        try await AccessServer.with(["KONTOR_LOG_AUDIT": path]) { server in
          try await KontorClient.with { client in
            let endpoint = server.kontor.endpoint
            try await client.run(
              "login", endpoint.hostAndPort, "--username", "alice", "--password-stdin",
              input: Data("alice's password".utf8))
            try await client.run("push", images.source("hello"), endpoint.reference("trade/hello:v1"))
            try await client.run(
              "pull", endpoint.reference("trade/hello:v1"), "--to", "oci:\(client.home)/out")
            let http = PlainHTTP(endpoint)
            _ = try await http.send(
              "DELETE", "/v2/trade/hello/manifests/v1", headers: AccessServer.basic("bob"))
            _ = try await http.send("GET", "/v2/hidden/x/tags/list", headers: AccessServer.basic("bob"))
            _ = try await http.send("GET", "/v2/", headers: AccessServer.basic("bob", "no password"))
            _ = try await http.send("GET", "/v2/hidden/x/tags/list")
            _ = try await http.send("DELETE", "/v2/hidden/x/manifests/v1")
            try await server.administer("user", "remove", "bob")
          }
        }
        let entries = try entries(path)
        func has(_ isRight: (Entry) -> Bool) -> Bool { entries.contains(where: isRight) }
        #expect(has { $0.command == "user add" && $0.subject == "bob" && $0.user == "operator" })
        #expect(has { $0.command == "user remove" && $0.subject == "bob" })
        #expect(
          has {
            $0.user == "user:alice" && $0.method == "PUT" && $0.target == "/v2/trade/hello/manifests/v1"
              && $0.repository == "trade/hello" && $0.status == 201
          })
        #expect(has { $0.user == "user:bob" && $0.method == "DELETE" && $0.status == 403 })
        #expect(has { $0.user == "user:bob" && $0.repository == "hidden/x" && $0.status == 403 })
        #expect(has { $0.user == "" && $0.target == "/v2/" && $0.status == 401 })
        #expect(has { $0.user == "" && $0.method == "DELETE" && $0.status == 401 })
        // Nothing of what only reads, or asks who is asked.
        #expect(!has { $0.method == "GET" && $0.status == 200 })
        #expect(!has { $0.method == "GET" && $0.status == 401 && $0.repository == "hidden/x" })
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains("password") && !text.lowercased().contains("bearer"))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
      }
    }

    @Test("the audit log is begun anew when it is large, and when somebody has moved it")
    func rotation() async throws {
      try await Scratch.withDirectory("audit") { directory in
        let path = "\(directory)/audit.json"
        let environment = [
          "KONTOR_LOG_AUDIT": path, "KONTOR_LOG_AUDITSIZE": "2000", "KONTOR_LOG_AUDITFILES": "2",
        ]
        try await KontorProcess.with(.init(environment: environment)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          for _ in 0..<50 { _ = try await http.send("DELETE", "/v2/trade/none/manifests/v1") }
          try await kontor.daemon.waitFor("the last line") { _ in
            FileManager.default.fileExists(atPath: "\(path).2") ? true : nil
          }
          #expect(!FileManager.default.fileExists(atPath: "\(path).3"))
          for file in [path, "\(path).1", "\(path).2"] {
            let entries = try entries(file)
            #expect(!entries.isEmpty && entries.count < 20)
            #expect(entries.allSatisfy { $0.status == 404 })
          }
          try FileManager.default.moveItem(atPath: path, toPath: "\(directory)/moved")
          kill(kontor.pid, SIGHUP)
          try await kontor.daemon.waitFor("the new file") { _ in
            FileManager.default.fileExists(atPath: path) ? true : nil
          }
          _ = try await http.send("DELETE", "/v2/trade/none/manifests/v2")
          try await kontor.daemon.waitFor("the new line") { _ in
            (try? entries(path))?.contains { $0.target?.hasSuffix("v2") == true } == true ? true : nil
          }
        }
      }
    }

    @Test("what does not fit into a quota is refused before it comes, to whoever pushes it")
    func quotas() async throws {
      try Tool.require(.docker, .dockerd, .skopeo)
      let images = try await TestImage.shared
      let environment = ["KONTOR_PUSH_QUOTAS": "trade/small=100B,trade/*=100MiB,users/*=1tags"]
      try await KontorProcess.with(.init(environment: environment)) { kontor in
        try await KontorClient.with { client in
          let endpoint = kontor.endpoint
          let http = PlainHTTP(endpoint)
          func push(_ image: String, _ name: String) async throws -> KontorCommand.Result {
            try await client.attempt(["push", images.source(image), endpoint.reference(name)])
          }
          let small = try await push("hello", "trade/small/hello:v1")
          #expect(small.exit == .code(4) && small.error.contains("holds 0 % of 100B"), "\(small.error)")
          #expect(try await push("hello", "trade/large/hello:v1").exit == .code(0))
          let skopeo = try await Command(
            tool: .skopeo,
            arguments: [
              "--insecure-policy", "copy", "--dest-tls-verify=false", images.source("hello"),
              endpoint.docker("trade/small:v1"),
            ]
          ).attempt()
          #expect(!skopeo.succeeded && skopeo.errorText.contains("holds 0 % of 100B"), "\(skopeo.errorText)")
          try await DockerDaemon.with { docker in
            let source = endpoint.reference("trade/large/hello:v1")
            try await docker.run("pull", source)
            let target = endpoint.reference("trade/small:v1")
            try await docker.run("tag", source, target)
            let pushed = try await Command(
              tool: .docker, arguments: ["-H", "unix://\(docker.socket)", "push", target]
            ).attempt()
            #expect(
              !pushed.succeeded && pushed.errorText.contains("holds 0 % of 100B"), "\(pushed.errorText)")
          }

          // Nothing of a body is read that is known not to fit.
          let digest = "sha256:" + String(repeating: "0", count: 64)
          for path in ["/v2/trade/small/blobs/uploads/?digest=\(digest)"] {
            let descriptor = try http.open()
            defer { close(descriptor) }
            let head = "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
            #expect(head.withCString { Glibc.send(descriptor, $0, strlen($0), 0) } == head.utf8.count)
            var answer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &answer, answer.count, 0)
            let text = String(decoding: answer[..<max(count, 0)], as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 413 ") && text.contains("\"DENIED\""), "\(text)")
          }

          #expect(try await push("hello", "users/eve/hello:v1").exit == .code(0))
          let second = try await push("second", "users/eve/other:v1")
          #expect(
            second.exit == .code(4) && second.error.contains("holds 100 % of 1 tags"), "\(second.error)")
          #expect(try await push("second", "users/eve/hello:v1").exit == .code(0))
          #expect(try await push("second", "users/bob/hello:v1").exit == .code(0))
          #expect(try await http.send("DELETE", "/v2/users/eve/hello/manifests/v1").status == 202)
          #expect(try await push("second", "users/eve/other:v1").exit == .code(0))
        }
      }
      let wrong = try await KontorCommand.run(
        ["serve", "--listen", "127.0.0.1:0"], environment: ["KONTOR_PUSH_QUOTAS": "trade=much"])
      #expect(wrong.exit == .code(2) && wrong.error.contains("team=10GiB"), "\(wrong.error)")
    }

    @Test("a proxy's clients are told apart where its word counts, and nowhere else")
    func trustedProxies() async throws {
      try await Scratch.withDirectory("proxies") { directory in
        let audit = "\(directory)/audit.json"
        let environment = [
          "KONTOR_SERVER_TRUSTEDPROXIES": "127.0.0.5,127.0.0.6", "KONTOR_LOG_AUDIT": audit,
          "KONTOR_ACCESS_REQUESTRATE": "2", "KONTOR_SERVER_MAXCONNECTIONSPERADDRESS": "3",
        ]
        try await AccessServer.with(environment) { server in
          func ask(_ peer: String, for client: String, _ headers: [String: String] = [:]) async throws -> Int
          {
            var http = PlainHTTP(server.kontor.endpoint)
            http.source = peer
            return try await http.send(
              "GET", "/v2/_catalog", headers: headers.merging(["X-Forwarded-For": client]) { $1 }
            ).status
          }
          func isLimited(_ peer: String, for client: (Int) -> String) async throws -> Bool {
            for number in 0..<40 {
              if try await ask(peer, for: client(number)) == 429 { return true }
            }
            return false
          }
          #expect(try await !isLimited("127.0.0.5") { "192.0.2.\($0)" })
          #expect(try await isLimited("127.0.0.5") { "10.0.0.\($0), 203.0.113.1" })
          #expect(try await isLimited("127.0.0.5") { _ in "203.0.113.2, 127.0.0.6" })
          // Whoever is no proxy says what it likes.
          #expect(try await isLimited("127.0.0.7") { "192.0.2.\($0 + 100)" })
          // One who guesses passwords through the proxy is locked out alone.
          for _ in 0..<6 {
            _ = try await ask("127.0.0.6", for: "198.51.100.1", AccessServer.basic("bob", "wrong"))
            try await Task.sleep(for: .milliseconds(600))
          }
          #expect(try await ask("127.0.0.6", for: "198.51.100.1", AccessServer.basic("bob")) == 429)
          #expect(try await ask("127.0.0.6", for: "198.51.100.2", AccessServer.basic("bob")) == 200)
          #expect(try String(contentsOfFile: audit, encoding: .utf8).contains(#""remote":"198.51.100.1""#))
          // A proxy is no one client by its connections either.
          var http = PlainHTTP(server.kontor.endpoint)
          http.source = "127.0.0.5"
          let held = try (0..<8).map { _ in try http.open() }
          defer { for descriptor in held { close(descriptor) } }
          #expect(try await http.send("GET", "/healthz").status == 200)
        }
      }
    }

    @Test("a client has so many connections and no more, and another one has his own")
    func connections() async throws {
      try await KontorProcess.with(.init(environment: ["KONTOR_SERVER_MAXCONNECTIONSPERADDRESS": "2"])) {
        kontor in
        let http = PlainHTTP(kontor.endpoint)
        let held = try (0..<2).map { _ in try http.open() }
        defer { for descriptor in held { close(descriptor) } }
        await #expect(throws: PlainHTTP.Broken.self) { try await http.send("GET", "/v2/") }
        var elsewhere = http
        elsewhere.source = "127.0.0.8"
        #expect(try await elsewhere.send("GET", "/v2/").status == 200)
      }
    }

    @Test("an identity has so many requests at the same time and no more, over whatever connections")
    func concurrency() async throws {
      try await AccessServer.with(["KONTOR_ACCESS_CONCURRENTREQUESTS": "2"]) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        let alice = AccessServer.basic("alice")
        // So that no password is being verified meanwhile.
        #expect(try await http.send("GET", "/v2/", headers: alice).status == 200)
        let header = try #require(alice["Authorization"])
        let held = try (0..<2).map { _ in
          let descriptor = try http.open()
          let head =
            "POST /v2/trade/x/blobs/uploads/?digest=sha256:\(String(repeating: "0", count: 64)) HTTP/1.1\r\nHost: x\r\n"
            + "Authorization: \(header)\r\nContent-Length: 10\r\n\r\nabc"
          #expect(head.withCString { Glibc.send(descriptor, $0, strlen($0), 0) } == head.utf8.count)
          return descriptor
        }
        var refused: PlainHTTP.Response?
        try await server.kontor.daemon.waitFor("the limit") { _ in
          let answer = try await http.send("GET", "/v2/", headers: alice)
          if answer.status == 429 { refused = answer }
          return refused == nil ? nil : true
        }
        #expect(refused?["retry-after"] == "1" && refused?.errorCodes == ["TOOMANYREQUESTS"])
        #expect(try await http.send("GET", "/v2/", headers: AccessServer.basic("bob")).status == 200)
        for descriptor in held { close(descriptor) }
        try await server.kontor.daemon.waitFor("the end of the limit") { _ in
          try await http.send("GET", "/v2/", headers: alice).status == 200 ? true : nil
        }
      }
    }

    @Test("whoever asks too often is asked to wait, and nobody else")
    func rates() async throws {
      try await AccessServer.with(["KONTOR_ACCESS_REQUESTRATE": "5"]) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        func statuses(_ headers: [String: String], _ http: PlainHTTP) async throws -> [PlainHTTP.Response] {
          try await withThrowingTaskGroup(of: PlainHTTP.Response.self) { group in
            for _ in 0..<60 { group.addTask { try await http.send("GET", "/v2/_catalog", headers: headers) } }
            return try await group.reduce(into: []) { $0.append($1) }
          }
        }
        let bobs = try await statuses(AccessServer.basic("bob"), http)
        let refused = bobs.filter { $0.status == 429 }
        #expect(bobs.contains { $0.status == 200 } && !refused.isEmpty)
        #expect(refused.allSatisfy { $0["retry-after"].flatMap { Int($0) } ?? 0 > 0 })
        #expect(refused.first?.errorCodes == ["TOOMANYREQUESTS"])
        #expect(
          try await http.send("GET", "/v2/_catalog", headers: AccessServer.basic("alice")).status == 200)
        var elsewhere = http
        elsewhere.source = "127.0.0.7"
        #expect(try await elsewhere.send("GET", "/v2/_catalog").status == 200)
        #expect(try await http.send("GET", "/healthz").status == 200)
      }
    }
  }
}
