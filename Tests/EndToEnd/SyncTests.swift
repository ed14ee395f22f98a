import Foundation
import Testing

extension EndToEndTests {
  /// Rules that bring images from one registry to another.
  @Suite("sync", .serialized)
  struct SyncTests {
    private static let from = #""from": "\#(SyncServer.namespace)""#

    @Test("200 tags come once: a second run moves no blob and asks for no manifest; a dry run does neither")
    func twoHundredTags() async throws {
      let images = try (0..<200).map { try TinyImage($0) }
      try await SyncServer.with(
        #"{"name": "all", \#(Self.from), "repositories": ["trade/**"], "prefix": "copy"}"#,
        prepare: { upstream in
          try await images[0].push(to: "trade/hello", "v1.0", at: upstream)
          try await withThrowingTaskGroup(of: Void.self) { group in
            for part in 0..<8 {
              group.addTask {
                for number in stride(from: part + 1, to: images.count, by: 8) {
                  try await images[number].push(to: "trade/hello", "v1.\(number)", at: upstream)
                }
              }
            }
            try await group.waitForAll()
          }
        }
      ) { server in
        let plan = try await server.sync("all", "--dry-run")
        #expect(
          plan.checked == 200 && plan.entries.count == 200 && plan.entries.allSatisfy { $0.action == "copy" })
        #expect(
          server.requests.allSatisfy {
            $0.hasPrefix("HEAD") || $0.contains("/tags/") || $0.contains("_catalog")
          })
        #expect(try await server.here.get("/v2/copy/trade/hello/tags/list").status == 404)

        let first = try await server.sync("all")
        #expect(first.copied == 200 && first.failed == 0 && first.blobs == 401)
        for blob in Set(images.flatMap { $0.blobs.map(sha256) }) {
          #expect(server.count("GET /v2/trade/hello/blobs/\(blob)") == 1)
        }
        for (number, image) in images.enumerated() {
          let answer = try await server.here.manifest("copy/trade/hello", "v1.\(number)")
          #expect(answer.status == 200 && answer.body == image.manifest)
        }
        let layer = sha256(images[7].blobs[2])
        #expect(try await server.here.blob("copy/trade/hello", layer).body == images[7].blobs[2])

        let before = server.requests.count
        let second = try await server.sync("all")
        #expect(second.checked == 200 && second.entries.isEmpty && second.blobs == 0 && second.failure == nil)
        let asked = server.requests.dropFirst(before)
        #expect(!asked.contains { $0.contains("/blobs/") })
        #expect(!asked.contains { $0.hasPrefix("GET") && $0.contains("/manifests/") }, "\(asked)")

        // One is new, one means something else, one is gone.
        try await TinyImage(200).push(to: "trade/hello", "v1.200", at: server.upstream)
        try await TinyImage(201).push(to: "trade/hello", "v1.3", at: server.upstream)
        let third = try await server.sync("all")
        #expect(third.entries.map(\.action).sorted() == ["copy", "update"] && third.blobs == 4)
        #expect(try await server.here.manifest("copy/trade/hello", "v1.3").body == TinyImage(201).manifest)

        let status = try await server.client.run("mirror", "status", "--tags")
        #expect(status.contains("rule all\t\(SyncServer.namespace) to here\twhen asked\tlast run "))
        #expect(status.contains("copy/trade/hello:v1.200\t\(SyncServer.namespace)\t"))
        let metrics = String(decoding: try await server.here.get("/metrics").body, as: UTF8.self)
        #expect(metrics.contains(#"kontor_sync_last_run_copied_tags{rule="all"} 2"#))
        #expect(metrics.contains(#"kontor_sync_last_run_tags{rule="all"} 201"#))
      }
    }

    @Test("tags by pattern, version and number; platforms; what a tag means for one platform")
    func selection() async throws {
      let rules = """
        {"name": "newest", \(Self.from), "repositories": ["trade/hello"], "prefix": "newest",
         "tags": ["v*"], "except": ["*-rc*"], "versions": ">=1.2 <2", "newest": 2},
        {"name": "none", \(Self.from), "repositories": ["trade/hello"], "prefix": "none", "tags": ["x*"]},
        {"name": "sparse", \(Self.from), "repositories": ["trade/multi"], "prefix": "sparse", "platforms": ["linux/amd64"]},
        {"name": "one", \(Self.from), "repositories": ["trade/multi"], "prefix": "one", "platform": "linux/amd64"},
        {"name": "other", \(Self.from), "repositories": ["trade/multi"], "prefix": "other", "platform": "linux/riscv64"}
        """
      let (amd64, s390x) = (try TinyImage(1), try TinyImage(1, architecture: "s390x"))
      let index = Data(
        #"{"schemaVersion":2,"mediaType":"\#(OCILayout.MediaType.index)","manifests":[\#(entry(amd64, "amd64")),\#(entry(s390x, "s390x"))]}"#
          .utf8)
      try await SyncServer.with(
        rules,
        prepare: { upstream in
          for (number, tag) in ["v1.1.0", "v1.2.0", "v1.10.0", "v1.9.0", "v1.11.0-rc.1", "v2.0.0", "latest"]
            .enumerated()
          {
            try await TinyImage(number).push(to: "trade/hello", tag, at: upstream)
          }
          for image in [amd64, s390x] { try await image.push(to: "trade/multi", at: upstream) }
          let headers = ["Content-Type": OCILayout.MediaType.index]
          let pushed = try await upstream.send(
            "PUT", "/v2/trade/multi/manifests/v1", headers: headers, body: index)
          #expect(pushed.status == 201)
        }
      ) { server in
        let newest = try await server.sync("newest")
        #expect(newest.entries.map(\.source).sorted() == ["trade/hello:v1.10.0", "trade/hello:v1.9.0"])
        let none = try await server.sync("none")
        #expect(none.checked == 0 && none.notes.first?.contains("chooses none") == true)

        let sparse = try await server.sync("sparse")
        #expect(sparse.copied == 1 && sparse.failed == 0, "\(sparse)")
        #expect(try await server.here.manifest("sparse/trade/multi", "v1").body == index)
        #expect(try await server.here.manifest("sparse/trade/multi", amd64.digest).status == 200)
        #expect(try await server.here.manifest("sparse/trade/multi", s390x.digest).status == 404)
        let pulled = try await server.client.run(
          "pull", server.kontor.endpoint.reference("sparse/trade/multi:v1"), "--platform", "linux/amd64",
          "--to",
          "oci:\(server.client.home)/out")
        #expect(pulled == amd64.digest)
        #expect(server.count("GET /v2/trade/multi/manifests/\(s390x.digest)") == 0)

        #expect(try await server.sync("one").copied == 1)
        #expect(try await server.here.manifest("one/trade/multi", "v1").body == amd64.manifest)
        for rule in ["sparse", "one"] { #expect(try await server.sync(rule).entries.isEmpty) }

        let other = try await server.sync("other")
        #expect(other.failed == 1 && other.failure?.contains("linux/riscv64") == true)
      }
    }

    private func entry(_ image: TinyImage, _ architecture: String) -> String {
      #"{"mediaType":"\#(OCILayout.MediaType.manifest)","digest":"\#(image.digest)","size":\#(image.manifest.count),"platform":{"architecture":"\#(architecture)","os":"linux"}}"#
    }

    @Test("what refers to an image comes with it, and later, too: artifacts and cosign's tags")
    func referrers() async throws {
      let image = try TinyImage(1)
      let (note, later) = (
        try TinyImage(2, subject: (image.digest, image.manifest.count)),
        try TinyImage(3, subject: (image.digest, image.manifest.count))
      )
      let hexadecimal = image.digest.dropFirst(7)
      try await SyncServer.with(
        #"{"name": "all", \#(Self.from), "repositories": ["trade/hello"], "tags": ["v*"], "prefix": "copy"}"#,
        prepare: { upstream in
          try await image.push(to: "trade/hello", "v1", at: upstream)
          try await TinyImage(4).push(to: "trade/hello", "sha256-\(hexadecimal).sig", at: upstream)
          try await self.attach([note], to: image, at: upstream)
        }
      ) { server in
        let first = try await server.sync("all")
        #expect(first.copied == 1 && first.failed == 0, "\(first)")
        #expect(try await referrers(of: image, server) == [note.digest])
        let tags = String(
          decoding: try await server.here.get("/v2/copy/trade/hello/tags/list").body, as: UTF8.self)
        #expect(tags.contains(#"["sha256-\#(hexadecimal).sig","v1"]"#), "\(tags)")
        #expect(try await server.sync("all").entries.isEmpty)

        try await attach([note, later], to: image, at: server.upstream)
        let second = try await server.sync("all")
        #expect(second.entries.map(\.action) == ["refresh"], "\(second)")
        #expect(Set(try await referrers(of: image, server)) == [note.digest, later.digest])
      }
    }

    /// docker-registry lists under a tag what refers to an image.
    private func attach(_ notes: [TinyImage], to image: TinyImage, at registry: PlainHTTP) async throws {
      for note in notes { try await note.push(to: "trade/hello", at: registry) }
      let list = notes.map {
        #"{"mediaType":"\#(OCILayout.MediaType.manifest)","digest":"\#($0.digest)","size":\#($0.manifest.count)}"#
      }.joined(separator: ",")
      let index = #"{"schemaVersion":2,"mediaType":"\#(OCILayout.MediaType.index)","manifests":[\#(list)]}"#
      let answer = try await registry.send(
        "PUT", "/v2/trade/hello/manifests/sha256-\(image.digest.dropFirst(7))",
        headers: ["Content-Type": OCILayout.MediaType.index], body: Data(index.utf8))
      #expect(answer.status == 201)
    }

    private func referrers(of image: TinyImage, _ server: SyncServer) async throws -> [String] {
      struct Index: Decodable {
        struct Entry: Decodable { let digest: String }
        let manifests: [Entry]
      }
      let answer = try await server.here.get("/v2/copy/trade/hello/referrers/\(image.digest)")
      return try JSONDecoder().decode(Index.self, from: answer.body).manifests.map(\.digest)
    }

    @Test("images go to another registry, with credentials, also without a server; skopeo reads them there")
    func pushing() async throws {
      try Tool.require(.skopeo)
      try await Scratch.withDirectory("password") { directory in
        let file = "\(directory)/password"
        try Data("\(DockerRegistryServer.password)\n".utf8).write(to: URL(filePath: file))
        try await SyncServer.with(
          #"{"name": "out", "repositories": ["own/**"], "to": "\#(SyncServer.namespace)", "strip": "own", "prefix": "partner"}"#,
          #""credentials": {"user": "\#(DockerRegistryServer.user)", "passwordFile": "\#(file)"},"#,
          access: .passwords
        ) { server in
          let images = try await TestImage.shared
          for tag in ["hello", "second"] {
            try await server.client.run(
              "push", images.source(tag), server.kontor.endpoint.reference("own/hello:\(tag)"))
          }
          let first = try await server.sync("out")
          #expect(first.copied == 2 && first.failed == 0, "\(first)")
          try await server.kontor.stop()
          // Nobody has the data directory now: the command does the work itself.
          let second = try await server.sync("out")
          #expect(second.checked == 2 && second.entries.isEmpty && second.failure == nil, "\(second)")
          #expect(server.count("PATCH") + server.count("PUT /v2/partner/hello/blobs/uploads") > 0)
          let copied = try await Command(
            tool: .skopeo,
            arguments: [
              "inspect", "--tls-verify=false", "--creds",
              "\(DockerRegistryServer.user):\(DockerRegistryServer.password)",
              "--format", "{{.Digest}}", "docker://\(server.registry.hostAndPort)/partner/hello:second",
            ]
          ).run()
          #expect(copied.text == (try images.layout.descriptor(tag: "second").digest) + "\n")
        }
      }
    }

    @Test("what is gone at the source goes here only if the rule says so, and only what the rule brought")
    func deletions() async throws {
      func rule(_ name: String, _ more: String) -> String {
        #"{"name": "\#(name)", \#(Self.from), "repositories": ["trade/hello"], "prefix": "\#(name)"\#(more)}"#
      }
      try await SyncServer.with(
        [
          rule("never", ""), rule("gone", #", "deletions": "gone", "tags": ["v*"]"#),
          rule("unselected", #", "deletions": "unselected", "newest": 1"#),
        ].joined(separator: ","),
        prepare: { upstream in
          for number in 1...3 {
            try await TinyImage(number).push(to: "trade/hello", "v\(number)", at: upstream)
          }
        }
      ) { server in
        for rule in ["never", "gone", "unselected"] { #expect(try await server.sync(rule).failed == 0) }
        // Of somebody else, and in the place of what was brought.
        try await TinyImage(9).push(to: "gone/trade/hello", "own", "v3", at: server.here)
        for number in [1, 3] {
          let path = "/v2/trade/hello/manifests/\(try TinyImage(number).digest)"
          #expect(try await server.upstream.send("DELETE", path).status == 202)
        }
        try await TinyImage(4).push(to: "trade/hello", "v4", at: server.upstream)
        let plan = try await server.sync("gone", "--dry-run")
        #expect(plan.entries.filter { $0.action == "delete" }.map(\.target) == ["gone/trade/hello:v1"])
        #expect(try await server.sync("never").deleted == 0)
        #expect(try await server.sync("gone").deleted == 1)
        #expect(try await server.sync("unselected").deleted == 1)
        #expect(try await tags("never", server) == ["v1", "v2", "v3", "v4"])
        #expect(try await tags("gone", server) == ["own", "v2", "v3", "v4"])
        #expect(try await tags("unselected", server) == ["v4"])
      }
    }

    private func tags(_ prefix: String, _ server: SyncServer) async throws -> [String] {
      struct Answer: Decodable { let tags: [String] }
      let answer = try await server.here.get("/v2/\(prefix)/trade/hello/tags/list")
      return try JSONDecoder().decode(Answer.self, from: answer.body).tags
    }

    @Test(
      "a rule with a schedule runs by itself; what comes to where it is pulled through is given out without the upstream"
    )
    func schedule() async throws {
      let image = try TinyImage(1)
      try await SyncServer.with(
        #"{"name": "hourly", \#(Self.from), "repositories": ["trade/hello"], "every": "1h"}"#,
        upstreams: true,
        prepare: { try await image.push(to: "trade/hello", "v1", at: $0) }
      ) { server in
        _ = try await server.kontor.daemon.waitFor("the rule's run") { daemon in
          daemon.log.contains("a rule ran") ? true : nil
        }
        server.proxy.refuse()
        let answer = try await server.here.manifest("mirror/trade/hello", "v1")
        #expect(answer.status == 200 && answer.body == image.manifest && answer["warning"] == nil)
        for blob in image.blobs {
          #expect(try await server.here.blob("mirror/trade/hello", sha256(blob)).body == blob)
        }
        let status = try await server.client.run("mirror", "status")
        #expect(status.contains("every 1h") && status.contains("next run"))
      }
    }

    @Test(
      "a registry that asks for patience gets it; one that is not there ends the run, which goes on later")
    func patience() async throws {
      try await SyncServer.with(
        #"{"name": "all", \#(Self.from), "repositories": ["trade/hello"], "prefix": "copy"}"#,
        prepare: { upstream in
          for number in 1...3 {
            try await TinyImage(number).push(to: "trade/hello", "v\(number)", at: upstream)
          }
        }
      ) { server in
        server.proxy.refuse(
          with:
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        async let report = server.sync("all")
        _ = try await server.kontor.daemon.waitFor("two questions") { _ in
          server.requests.count >= 2 ? true : nil
        }
        server.proxy.goOn()
        #expect(try await report.copied == 3)

        try await TinyImage(4).push(to: "trade/hello", "v4", at: server.upstream)
        server.proxy.refuse()
        let refused = try await server.client.attempt(["sync", "--once", "all"])
        #expect(refused.exit == .code(1), "\(refused.output)")
        #expect(try await server.client.run("mirror", "status").contains("fine at"))
        server.proxy.goOn()
        let last = try await server.sync("all")
        #expect(last.copied == 1 && last.failed == 0, "\(last)")
      }
    }

    @Test("a run that is killed goes on where it was: what came does not come again")
    func interrupted() async throws {
      let images = try await TestImage.shared
      try await SyncServer.with(
        #"{"name": "all", \#(Self.from), "repositories": ["trade/a", "trade/b"], "prefix": "copy"}"#,
        prepare: { upstream in
          try await TinyImage(1).push(to: "trade/a", "v1", at: upstream)
          try await KontorClient.with { client in
            try await client.run("push", images.source("hello"), "127.0.0.1:\(upstream.port)/trade/b:v1")
          }
        }
      ) { server in
        // The large layer of the second image does not come to its end.
        server.proxy.pause(after: 256 << 10)
        let running = try await server.client.start(["sync", "--once", "all"])
        _ = try await server.kontor.daemon.waitFor("the layer to be under way") { _ in
          server.proxy.paused > 0 ? true : nil
        }
        await server.kontor.kill()
        await running.kill()
        server.proxy.resume()
        let report = try await server.sync("all")
        #expect(report.checked == 2 && report.entries.map(\.source) == ["trade/b:v1"], "\(report)")
        for blob in try TinyImage(1).blobs {
          #expect(server.count("GET /v2/trade/a/blobs/\(sha256(blob))") == 1)
        }
      }
    }

    @Test(
      "App Container images come from their hosts, signed by a trusted key, once; rkt gets them here as they were"
    )
    func appContainer() async throws {
      try Tool.require(.gpg, .tar)
      try await SigningKey.with { key in
        try await Scratch.withDirectory("appc") { directory in
          var settings = KontorProcess.Settings(transport: .http)
          settings.environment = ["KONTOR_APPC_HOSTS": "example.com"]
          try await KontorProcess.with(settings) { host in
            let aci = try await ACIMaker(directory: "\(directory)/hello").make(
              "example.com/hello", version: "1.0.0")
            let signature = try await key.sign(Data(contentsOf: URL(filePath: aci)))
            try signature.write(to: URL(filePath: "\(aci).asc"))
            try await KontorClient.with { client in
              try await client.run(
                "push", "aci:\(aci)", "--signature", "\(aci).asc", host.endpoint.reference("hello:1.0.0"))
            }
            let appc =
              #""appc": {"plainHTTP": true, "connectTo": ["example.com:80:\#(host.endpoint.hostAndPort)"], "trustedKeys": "\#(directory)/trustedkeys"}"#
            try await SyncServer.with(
              #"{"name": "appc", "images": ["example.com/hello:1.0.0"], "strip": "example.com", \#(appc)}"#,
              environment: ["KONTOR_APPC_HOSTS": "example.com"]
            ) { server in
              let refused = try await server.sync("appc")
              #expect(
                refused.failed == 1 && refused.failure?.contains("no key is trusted") == true, "\(refused)")

              try await key.trust(for: "example.com", in: "\(directory)/trustedkeys")
              let plan = try await server.sync("appc", "--dry-run")
              #expect(plan.entries.map(\.action) == ["copy"])
              let first = try await server.sync("appc")
              #expect(first.copied == 1 && first.failed == 0, "\(first)")
              let image = try await server.here.send(
                "GET", "/aci/example.com/hello/1.0.0/linux/amd64/image.aci")
              #expect(
                try image.status == 200 && image.body == Data(contentsOf: URL(filePath: aci)),
                "\(image.status)")
              let fetched = occurrences(of: "GET /aci/", in: host.log)
              #expect(try await server.sync("appc").entries.isEmpty)
              #expect(occurrences(of: "GET /aci/", in: host.log) == fetched)
            }
          }
        }
      }
    }

    private func occurrences(of text: String, in log: String) -> Int {
      log.components(separatedBy: text).count - 1
    }

    @Test("the trust policy, immutable tags and quotas count for what a rule brings")
    func intake() async throws {
      try await Scratch.withDirectory("policy") { directory in
        let policy = "\(directory)/policy.json"
        try Data(
          #"{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"registry.example/held": [{"type": "reject"}]}}, "kontor": {"enforcement": {"": {"push": "refuse"}}}}"#
            .utf8
        ).write(to: URL(filePath: policy))
        let rules = ["held", "fixed", "small"].map {
          #"{"name": "\#($0)", \#(Self.from), "repositories": ["trade/hello"], "prefix": "\#($0)"}"#
        }.joined(separator: ",")
        try await SyncServer.with(
          rules,
          environment: [
            "KONTOR_TRUST_POLICY": policy, "KONTOR_TRUST_REGISTRY": "registry.example",
            "KONTOR_PUSH_IMMUTABLETAGS": "fixed/**:*", "KONTOR_PUSH_QUOTAS": "small=100B",
          ],
          prepare: { try await TinyImage(1).push(to: "trade/hello", "v1", at: $0) }
        ) { server in
          let held = try await server.sync("held")
          let answer = try await server.here.manifest("held/trade/hello", "v1")
          #expect(held.failed == 1 && answer.status == 404, "\(held)")
          #expect(try await server.sync("fixed").copied == 1)
          try await TinyImage(2).push(to: "trade/hello", "v1", at: server.upstream)
          let fixed = try await server.sync("fixed")
          #expect(fixed.failed == 1 && fixed.failure?.contains("immutable") == true, "\(fixed)")
          let small = try await server.sync("small")
          #expect(small.failed == 1 && small.failure?.contains("does not fit") == true, "\(small)")
        }
      }
    }

    @Test("wrong words are told")
    func wrong() async throws {
      try await SyncServer.with(
        #"{"name": "all", \#(Self.from), "repositories": ["trade/hello", "trade/none"], "prefix": "copy"}"#,
        prepare: { try await TinyImage(1).push(to: "trade/hello", "v1", at: $0) }
      ) { server in
        for (arguments, code, text) in [
          (["sync"], 2, "--once"), (["sync", "--once", "none"], 2, "only all"),
        ] {
          let result = try await server.client.attempt(arguments)
          #expect(result.exit == .code(Int32(code)) && result.error.contains(text), "\(result.error)")
        }
        // What is not there does not keep the others from coming.
        let report = try await server.sync("all")
        #expect(
          report.copied == 1 && report.failed == 1 && report.failure?.contains("trade/none") == true,
          "\(report)")
        try await KontorClient.with { client in
          let result = try await client.attempt(["sync", "--once", "all"])
          #expect(result.exit == .code(2) && result.error.contains("mirror.sync"), "\(result.error)")
        }
      }
    }

    @Test("images go from one registry to another, and back at the same time")
    func between() async throws {
      try await DockerRegistryServer.with { partner in
        let other = PlainHTTP(try await partner.endpoint)
        for number in 1...6 {
          try await TinyImage(10 + number).push(to: "theirs/app", "v\(number)", at: other)
        }
        try await SyncServer.with(
          """
          {"name": "out", \(Self.from), "to": "partner.example", "repositories": ["trade/hello"], "prefix": "acme"},
          {"name": "back", "from": "partner.example", "to": "\(SyncServer.namespace)", "repositories": ["theirs/app"]}
          """, #""connections": 1,"#,
          others: #"{"name": "partner.example", "url": "http://\#(partner.hostAndPort)", "connections": 1},"#,
          prepare: { upstream in
            for number in 1...6 {
              try await TinyImage(number).push(to: "trade/hello", "v\(number)", at: upstream)
            }
          }
        ) { server in
          async let out = server.sync("out")
          async let back = server.sync("back")
          let reports = (try await out, try await back)
          #expect(reports.0.copied == 6 && reports.0.failed == 0, "\(reports.0)")
          #expect(reports.1.copied == 6 && reports.1.failed == 0, "\(reports.1)")
          for number in 1...6 {
            let there = try await other.manifest("acme/trade/hello", "v\(number)")
            #expect(try there.body == TinyImage(number).manifest)
            let here = try await server.upstream.manifest("theirs/app", "v\(number)")
            #expect(try here.body == TinyImage(10 + number).manifest)
          }
          #expect(try await server.sync("out").entries.isEmpty)
        }
      }
    }
  }
}
