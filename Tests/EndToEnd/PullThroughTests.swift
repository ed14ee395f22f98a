import Foundation
import Testing

extension EndToEndTests {
  /// Images of other registries, which come when they are asked for.
  @Suite("pull-through", .serialized)
  struct PullThroughTests {
    private static let path = "/v2/mirror/trade/hello/manifests/v1"
    private static let accept = ["Accept": OCILayout.MediaType.manifest]

    private func layers() async throws -> [String] {
      struct Manifest: Decodable {
        struct Layer: Decodable { let digest: String }
        let config: Layer
        let layers: [Layer]
      }
      let images = try await TestImage.shared
      let manifest = try JSONDecoder().decode(Manifest.self, from: images.manifestBytes("hello"))
      return [manifest.config.digest] + manifest.layers.map(\.digest)
    }

    @Test("kontor, skopeo and podman pull by the prefix; what was pulled once is not asked for again")
    func prefix() async throws {
      try Tool.require(.skopeo, .podman)
      let images = try await TestImage.shared
      let digest = try images.layout.descriptor(tag: "hello").digest
      try await UpstreamServer.with { server in
        let endpoint = server.kontor.endpoint
        let image = endpoint.reference("mirror/trade/hello:v1")
        let pulled = try await server.client.run("pull", image, "--to", "oci:\(server.client.home)/out")
        #expect(pulled == digest)
        let first = server.requests
        #expect(server.count("GET /v2/trade/hello/manifests/v1") == 1)
        for layer in try await layers() { #expect(server.count("GET /v2/trade/hello/blobs/\(layer)") == 1) }

        try await Command(
          tool: .skopeo,
          arguments: [
            "--insecure-policy", "copy", "--src-tls-verify=false", "docker://\(image)",
            "dir:\(server.client.home)/dir",
          ]
        ).run()
        try await Podman.with { podman in
          let settings = "\(server.client.home)/registries.conf"
          let text = """
            [[registry]]
            prefix = "\(UpstreamServer.namespace)"
            location = "\(UpstreamServer.namespace)"
            [[registry.mirror]]
            location = "\(endpoint.hostAndPort)/mirror"
            insecure = true

            """
          try Data(text.utf8).write(to: URL(filePath: settings))
          try await Command(
            tool: .podman, arguments: ["pull", "\(UpstreamServer.namespace)/trade/hello:v1"],
            environment: podman.environment.merging(["CONTAINERS_REGISTRIES_CONF": settings]) { $1 }
          ).run()
        }
        #expect(server.requests == first)

        // Beside it, repositories of the registry's own take pushes; the upstream's do not.
        try await server.client.run("push", images.source("second"), endpoint.reference("own/hello:v1"))
        let refused = try await server.client.attempt(["push", images.source("second"), image])
        #expect(
          refused.exit != .code(0) && refused.error.contains("is filled from another registry"),
          "\(refused.error)")
      }
    }

    @Test("containerd pulls by hosts.toml, with ns, and Docker by registry-mirrors")
    func namespaces() async throws {
      try Tool.require(.containerd, .ctr, .docker, .dockerd)
      let images = try await TestImage.shared
      try await UpstreamServer.with(
        #""bare": ["library/*"],"#, images: ["trade/hello:v1", "library/hello:v1"]
      ) { server in
        let endpoint = server.kontor.endpoint
        let directory = "\(server.client.home)/hosts"
        try FileManager.default.createDirectory(
          atPath: "\(directory)/\(UpstreamServer.namespace)", withIntermediateDirectories: true)
        let text = """
          server = "http://127.0.0.1:1"
          [host."\(endpoint.url(""))"]
            capabilities = ["pull", "resolve"]

          """
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(UpstreamServer.namespace)/hosts.toml"))
        try await ContainerdDaemon.with { containerd in
          let image = "\(UpstreamServer.namespace)/trade/hello:v1"
          try await containerd.run([
            "image", "pull", "--hosts-dir", directory, "--snapshotter", "native", image,
          ])
          let printed = try await containerd.run([
            "run", "--rm", "--snapshotter", "native", image, "greeting",
          ])
          #expect(printed.text == images.greeting + "\n")
        }
        #expect(server.kontor.log.contains("?ns=\(UpstreamServer.namespace)"))
        let http = PlainHTTP(endpoint)
        let answer = try await http.send(
          "HEAD", "/v2/trade/hello/manifests/v1?ns=\(UpstreamServer.namespace)", headers: Self.accept)
        #expect(answer.status == 200 && answer["oci-namespace"] == UpstreamServer.namespace)
        let unknown = try await http.send("GET", "/v2/trade/hello/manifests/v1?ns=other.example")
        #expect(unknown.status == 404 && unknown.errorCodes == ["NAME_UNKNOWN"])
        #expect(try await http.send("GET", "/v2/trade/hello/manifests/v1").status == 404)

        try await DockerDaemon.with(["--registry-mirror", endpoint.url("")]) { docker in
          try await docker.run("pull", "hello:v1")
          let printed = try await docker.run("run", "--rm", "--network", "none", "hello:v1")
          #expect(printed.text == images.greeting + "\n")
        }
        #expect(server.count("GET /v2/library/hello/manifests/") == 1)
      }
    }

    @Test("fifty clients at once cost one transfer of each blob, and each gets it whole")
    func manyClients() async throws {
      let blobs = try await layers()
      try await UpstreamServer.with { server in
        let http = PlainHTTP(server.kontor.endpoint)
        #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<50 {
            for blob in blobs {
              group.addTask {
                let answer = try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(blob)")
                #expect(answer.status == 200 && sha256(answer.body) == blob)
              }
            }
          }
          try await group.waitForAll()
        }
        for blob in blobs { #expect(server.count("GET /v2/trade/hello/blobs/\(blob)") == 1) }
      }
    }

    @Test(
      "a transfer goes on when its first client leaves; others read along")
    func leaving() async throws {
      let blob = try #require(try await layers().last)
      try await UpstreamServer.with(passing: 200_000) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        let path = "/v2/mirror/trade/hello/blobs/\(blob)"
        #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
        // It gets what is there, and goes.
        let first = try http.open()
        let head = "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(head.withCString { Glibc.send(first, $0, strlen($0), 0) } == head.utf8.count)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var received = 0
        while received < 100_000 {
          let count = recv(first, &bytes, bytes.count, 0)
          try #require(count > 0)
          received += count
        }
        close(first)
        let second = Task { try await http.send("GET", path) }
        try await server.kontor.daemon.waitFor("the pause") { _ in server.proxy.paused > 0 ? true : nil }
        server.proxy.resume()
        let answer = try await second.value
        #expect(answer.status == 200 && sha256(answer.body) == blob)
        #expect(server.count("GET /v2/trade/hello/blobs/\(blob)") == 1)
        let part = try await http.send("GET", path, headers: ["Range": "bytes=5-9"])
        #expect(part.status == 206 && part.body == answer.body[5..<10])
      }
    }

    @Test("a transfer whose connection breaks goes on where it was, and nobody who waits notices")
    func broken() async throws {
      let blob = try #require(try await layers().last)
      try await UpstreamServer.with(passing: 200_000) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
        let waiting = (0..<3).map { _ in
          Task { try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(blob)") }
        }
        try await server.kontor.daemon.waitFor("the pause") { _ in server.proxy.paused > 0 ? true : nil }
        server.proxy.breakOff()
        for task in waiting {
          let answer = try await task.value
          #expect(answer.status == 200 && sha256(answer.body) == blob)
        }
        #expect(server.count("GET /v2/trade/hello/blobs/\(blob)") == 2)
        #expect(server.proxy.requests.contains("Range: bytes="))
      }
    }

    @Test(
      "a tag is asked for again by HEAD after its time, and given out as it was while the upstream is down")
    func staleness() async throws {
      let images = try await TestImage.shared
      try await UpstreamServer.with(#""ttl": "1ms", "notFoundTTL": "1h","#) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        func get(_ path: String) async throws -> PlainHTTP.Response {
          try await http.send("GET", path, headers: Self.accept)
        }
        #expect(try await get(Self.path).status == 200)
        let again = try await get(Self.path)
        #expect(again.status == 200 && again["warning"] == nil)
        #expect(server.count("GET /v2/trade/hello/manifests/v1") == 1)
        #expect(server.count("HEAD /v2/trade/hello/manifests/v1") == 1)
        // Another image under the tag.
        try await server.client.run(
          "push", images.source("second"), "\(server.registry.hostAndPort)/trade/hello:v1")
        #expect(sha256(try await get(Self.path).body) == sha256(try images.manifestBytes("second")))
        // What is not there is not asked for again.
        for _ in 0..<3 { #expect(try await get("/v2/mirror/trade/hello/manifests/none").status == 404) }
        #expect(server.requests.filter { $0.hasSuffix("/manifests/none") }.count == 1)
        #expect(try await get("/v2/mirror/trade/hello/tags/list").body.range(of: Data(#""v1""#.utf8)) != nil)
        let blob = try #require(try await layers().last)
        server.proxy.refuse()
        let stale = try await get(Self.path)
        #expect(
          stale.status == 200 && stale["warning"]?.contains("cannot be asked") == true, "\(stale.headers)")
        #expect(sha256(stale.body) == sha256(try images.manifestBytes("second")))
        for path in ["/v2/mirror/trade/other/manifests/v1", "/v2/mirror/trade/hello/blobs/\(blob)"] {
          let cold = try await get(path)
          #expect(cold.status == 503 && cold["retry-after"] != nil, "\(path): \(cold.status)")
        }
        #expect(try await get("/v2/mirror/trade/hello/tags/list").body.range(of: Data(#""v1""#.utf8)) != nil)
      }
    }

    @Test("who gets wrong bytes sees a connection that breaks, and nothing of them is kept")
    func wrongBytes() async throws {
      let blob = try #require(try await layers().last)
      try await UpstreamServer.with { server in
        let http = PlainHTTP(server.kontor.endpoint)
        #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
        let file =
          "\(server.registry.directory)/data/docker/registry/v2/blobs/sha256/"
          + "\(blob.dropFirst(7).prefix(2))/\(blob.dropFirst(7))/data"
        let right = try Data(contentsOf: URL(filePath: file))
        var wrong = right
        wrong[wrong.count / 2] ^= 1
        try wrong.write(to: URL(filePath: file))
        for _ in 0..<2 {
          await #expect(throws: PlainHTTP.Broken.self) {
            try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(blob)")
          }
        }
        #expect(server.kontor.log.contains("has the digest"))
        try right.write(to: URL(filePath: file))
        let answer = try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(blob)")
        #expect(answer.status == 200 && sha256(answer.body) == blob)
      }
    }

    @Test("an upstream that wants to know who asks is told; rules of access hold for what comes from there")
    func credentials() async throws {
      try await Scratch.withDirectory("credentials") { directory in
        let password = "\(directory)/password"
        try Data("\(DockerRegistryServer.password)\n".utf8).write(to: URL(filePath: password))
        let credentials =
          #""credentials": {"user": "\#(DockerRegistryServer.user)", "passwordFile": "\#(password)"},"#
        let rules = "\(directory)/rules.json"
        try Data(
          #"{"rules": [{"repositories": ["mirror/trade/*"], "who": ["everyone"], "actions": ["pull"]}]}"#.utf8
        )
        .write(to: URL(filePath: rules))
        try await UpstreamServer.with(
          credentials, access: .passwords, images: ["trade/hello:v1", "hidden/hello:v1"],
          ["KONTOR_ACCESS_RULES": rules]
        ) { server in
          let http = PlainHTTP(server.kontor.endpoint)
          let given = try await http.send("GET", Self.path, headers: Self.accept)
          #expect(given.status == 200)
          let before = server.requests.count
          for path in [
            "/v2/mirror/hidden/hello/manifests/v1", "/v2/hidden/hello/manifests/v1?ns=upstream.example",
          ] {
            let answer = try await http.send("GET", path, headers: Self.accept)
            #expect(answer.status == 401)
          }
          #expect(server.requests.count == before)
        }
        try await UpstreamServer.with(
          #""allow": ["trade/*"], "deny": ["trade/secret"],"#, images: ["trade/hello:v1", "trade/secret:v1"]
        ) { server in
          let http = PlainHTTP(server.kontor.endpoint)
          for (name, status) in [("trade/hello", 200), ("trade/secret", 403), ("other/hello", 403)] {
            let answer = try await http.send("GET", "/v2/mirror/\(name)/manifests/v1", headers: Self.accept)
            #expect(answer.status == status, "\(name)")
          }
        }
      }
    }

    @Test(
      "an upstream's credentials come from variables, a file as Docker's, or a helper; its authority and a proxy are named",
      arguments: ["variables", "file", "helper"])
    func waysToAnUpstream(kind: String) async throws {
      let (user, password) = (DockerRegistryServer.user, DockerRegistryServer.password)
      let images = try await TestImage.shared
      let authority = try await PrivateCA.shared
      try await Scratch.withDirectory("ways") { directory in
        var environment: [String: String] = [:]
        let credentials: String
        switch kind {
        case "variables":
          environment = ["UPSTREAM_USER": user, "UPSTREAM_PASSWORD": password]
          credentials = #"{"userVariable": "UPSTREAM_USER", "passwordVariable": "UPSTREAM_PASSWORD"}"#
        case "file":
          let both = Data("\(user):\(password)".utf8).base64EncodedString()
          try Data(#"{"auths": {"\#(UpstreamServer.namespace)": {"auth": "\#(both)"}}}"#.utf8)
            .write(to: URL(filePath: "\(directory)/config.json"))
          credentials = #"{"file": "\#(directory)/config.json"}"#
        default:
          let helper = "\(directory)/docker-credential-trade"
          try Data(
            """
            #!/bin/sh
            read name
            [ "$1 $name" = "get \(UpstreamServer.namespace)" ] || exit 1
            echo '{"Username": "\(user)", "Secret": "\(password)"}'

            """.utf8
          ).write(to: URL(filePath: helper))
          try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: helper)
          environment = ["PATH": "\(directory):/usr/bin:/bin"]
          credentials = #"{"helper": "trade"}"#
        }
        try await DockerRegistryServer.with(.passwords, .https) { registry in
          try await KontorClient.with { client in
            let trust = ["--ca-cert", authority.certificate]
            let name = "\(registry.hostAndPort)/trade/hello:v1"
            let login = ["login", registry.hostAndPort, "--username", user, "--password-stdin"]
            #expect(try await client.attempt(login + trust, input: Data(password.utf8)).exit == .code(0))
            #expect(
              try await client.attempt(["push", images.source("hello"), name] + trust).exit == .code(0))
            let port = try #require(registry.hostAndPort.split(separator: ":").last.flatMap { Int($0) })
            let endpoint = Endpoint(transport: .http, host: "127.0.0.1", port: port, authority: authority)
            // The proxy alone knows where that host is.
            try await TunnelProxy.with(to: endpoint) { proxy in
              let file = "\(directory)/upstreams.json"
              try Data(
                #"""
                {"upstreams": [{"namespace": "\#(UpstreamServer.namespace)", "prefix": "mirror", "credentials": \#(credentials),
                 "url": "https://example.com:1", "authorities": "\#(authority.certificate)", "proxy": "http://127.0.0.1:\#(proxy.port)"}]}
                """#.utf8
              ).write(to: URL(filePath: file))
              environment["KONTOR_MIRROR_UPSTREAMS"] = file
              try await KontorProcess.with(.init(environment: environment)) { kontor in
                let http = PlainHTTP(kontor.endpoint)
                let answer = try await http.send("GET", Self.path, headers: Self.accept)
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                #expect(proxy.targets.contains("example.com:1"))
                for layer in try await layers() {
                  let blob = try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(layer)")
                  #expect(blob.status == 200 && sha256(blob.body) == layer)
                }
                #expect(!kontor.log.contains(password))
              }
            }
          }
        }
      }
    }

    @Test("an upstream that limits is left alone for as long as it says; what is here is given out")
    func limits() async throws {
      try await UpstreamServer.with(#""ttl": "1ms","#) { server in
        let http = PlainHTTP(server.kontor.endpoint)
        #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
        server.proxy.refuse(
          with:
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        let before = server.requests.count
        for _ in 0..<20 {
          let stale = try await http.send("GET", Self.path, headers: Self.accept)
          #expect(stale.status == 200 && stale["warning"] != nil)
          let cold = try await http.send("GET", "/v2/mirror/trade/other/manifests/v1", headers: Self.accept)
          #expect(cold.status == 429 && cold.errorCodes == ["TOOMANYREQUESTS"])
          #expect((500...600).contains(cold["retry-after"].flatMap { Int($0) } ?? 0))
        }
        // Once, and perhaps once more because it had an answer that may be temporary.
        #expect(server.requests.count - before <= 2)

        func status(_ more: String...) async throws -> KontorCommand.Result {
          try await KontorCommand.run(
            ["mirror", "status"] + more,
            environment: ["KONTOR_MIRROR_UPSTREAMS": server.file, "KONTOR_STORAGE_DATA": server.kontor.data])
        }
        let text = try await status("--tags")
        #expect(text.exit == .code(0) && text.output.contains("not asked for"), "\(text.error)")
        let digest = try await TestImage.shared.layout.descriptor(tag: "hello").digest
        #expect(
          text.output.contains("mirror/trade/hello:v1\tupstream.example\t") && text.output.contains(digest))
        let json = try await status("--format", "json")
        #expect(json.output.contains(#""namespace":"upstream.example""#) && !json.output.contains(#""tags""#))
        let metrics = String(decoding: try await http.send("GET", "/metrics").body, as: UTF8.self)
        #expect(metrics.contains(#"kontor_mirror_paused{upstream="upstream.example"} 1"#))
        #expect(metrics.contains(#"kontor_mirror_stale_total{upstream="upstream.example"} 20"#))
      }
    }

    @Test("a trust policy says what of an upstream is given out, by the signatures that come along")
    func trust() async throws {
      try await Scratch.withDirectory("policy") { directory in
        var signer = KontorClient(home: directory)
        signer.environment = ["COSIGN_PASSWORD": "open sesame"]
        try await signer.run("generate-key-pair", "--output-key-prefix", "\(directory)/cosign")
        let policy = "\(directory)/policy.json"
        try Data(#"{"default": [{"type": "reject"}]}"#.utf8).write(to: URL(filePath: policy))
        try await UpstreamServer.with(
          #""ttl": "1ms", "notFoundTTL": "1ms","#, images: ["trade/hello:v1", "trade/unsigned:v1"],
          ["KONTOR_TRUST_POLICY": policy, "KONTOR_TRUST_REGISTRY": "kontor.example"]
        ) { server in
          let requirement: [String: Any] = [
            "type": "sigstoreSigned", "keyPath": "\(directory)/cosign.pub",
            "signedIdentity": [
              "type": "remapIdentity", "prefix": "kontor.example/mirror",
              "signedPrefix": server.registry.hostAndPort,
            ],
          ]
          try JSONSerialization.data(withJSONObject: [
            "default": [["type": "reject"]],
            "transports": ["docker": ["kontor.example/mirror": [requirement]]],
          ]).write(to: URL(filePath: policy))
          let before = server.kontor.log.components(separatedBy: "going by the trust policy").count
          kill(server.kontor.pid, SIGHUP)
          try await server.kontor.daemon.waitFor("the policy") {
            $0.log.components(separatedBy: "going by the trust policy").count > before ? true : nil
          }
          let http = PlainHTTP(server.kontor.endpoint)
          func status() async throws -> Int {
            try await http.send("GET", Self.path, headers: Self.accept).status
          }
          #expect(try await status() == 404)
          // It is signed after it came: that is seen when the tag is asked for again.
          try await signer.run(
            "sign", "--key", "\(directory)/cosign.key", "\(server.registry.hostAndPort)/trade/hello:v1")
          #expect(try await status() == 200)
          let unsigned = try await http.send(
            "GET", "/v2/mirror/trade/unsigned/manifests/v1", headers: Self.accept)
          #expect(unsigned.status == 404)
        }
      }
    }

    @Test(
      "no manifest of an upstream leads to what other repositories have, and nobody pushes into an upstream's"
    )
    func isolation() async throws {
      let images = try await TestImage.shared
      let rules = """
        {"rules": [
          {"repositories": ["mirror/**"], "who": ["everyone"], "actions": ["pull", "push"]},
          {"repositories": ["**"], "who": ["user:root"], "actions": ["pull", "push"]}
        ]}
        """
      try await Scratch.withDirectory("isolation") { directory in
        // One that takes manifests of what it does not have.
        try await KontorProcess.with(.init(environment: ["KONTOR_PUSH_ALLOWSPARSE": "all"])) { source in
          try await KontorClient.with { client in
            try await client.run(
              "push", images.source("hello"), source.endpoint.reference("trade/hello:v1"))
            try await PausingProxy.with(to: source.endpoint, passing: .max) { proxy in
              let (file, rulesFile) = ("\(directory)/upstreams.json", "\(directory)/rules.json")
              try Data(
                #"{"upstreams": [{"namespace": "up.example", "prefix": "mirror", "url": "http://\#(proxy.hostAndPort)"}]}"#
                  .utf8
              ).write(to: URL(filePath: file))
              try Data(rules.utf8).write(to: URL(filePath: rulesFile))
              let environment = [
                "KONTOR_ACCESS_RULES": rulesFile, "KONTOR_MIRROR_UPSTREAMS": file,
                "KONTOR_APPC_HOSTS": "127.0.0.1",
              ]
              try await KontorProcess.with(.init(environment: environment)) { kontor in
                try await isolation(source.endpoint, proxy, kontor, client)
              }
            }
          }
        }
      }
    }

    private func isolation(
      _ source: Endpoint, _ proxy: PausingProxy, _ kontor: KontorProcess, _ client: KontorClient
    ) async throws {
      let images = try await TestImage.shared
      let endpoint = kontor.endpoint
      let http = PlainHTTP(endpoint)
      try await AccessServer.administer(
        ["user", "add", "root", "--password-stdin", "--data", kontor.data], input: "root's password")
      let secret = Data("a layer that is nobody's business".utf8)
      let root = AccessServer.basic("root")
      let stored = try await http.send(
        "POST", "/v2/team/secret/blobs/uploads/?digest=\(sha256(secret))", headers: root, body: secret)
      #expect(stored.status == 201)
      // An image of the upstream that names it.
      let upstream = Curl(endpoint: source)
      let config = try await upstream.pushBlob("mallory/x", Data("{}".utf8))
      let manifest = try OCILayout.Manifest(
        mediaType: OCILayout.MediaType.manifest, config: config,
        layers: [OCILayout.Descriptor(secret, mediaType: OCILayout.MediaType.layer)]
      ).encoded()
      try await upstream.pushManifest("mallory/x", "v1", manifest)
      let pulled = try await http.send("GET", "/v2/mirror/mallory/x/manifests/v1", headers: Self.accept)
      #expect(pulled.status == 200)
      for method in ["GET", "HEAD"] {
        let answer = try await http.send(method, "/v2/mirror/mallory/x/blobs/\(sha256(secret))")
        #expect(answer.status == 404, "\(method): \(answer.status)")
      }
      let aci = try await http.send("GET", "/aci/127.0.0.1/mirror/mallory/x/v1/linux/amd64/image.aci")
      #expect(aci.status == 404, "\(String(decoding: aci.body, as: UTF8.self))")

      // What another repository has, and the upstream, too, need not come again.
      let blob = try #require(try await layers().last)
      try await client.run(
        "login", endpoint.hostAndPort, "--username", "root", "--password-stdin",
        input: Data("root's password".utf8))
      try await client.run("push", images.source("hello"), endpoint.reference("team/hello:v1"))
      #expect(try await http.send("GET", Self.path, headers: Self.accept).status == 200)
      let own = try await http.send("GET", "/v2/mirror/trade/hello/blobs/\(blob)")
      #expect(own.status == 200 && sha256(own.body) == blob)
      #expect(!proxy.requests.contains("GET /v2/trade/hello/blobs/\(blob)"))
      #expect(proxy.requests.contains("HEAD /v2/trade/hello/blobs/\(blob)"))

      for (method, path) in [
        ("POST", "/v2/mirror/trade/hello/blobs/uploads/"), ("PUT", "/v2/mirror/trade/hello/manifests/v2"),
        ("PUT", "/aci/127.0.0.1/mirror/trade/hello/v1/linux/amd64/image.aci"),
      ] {
        let answer = try await http.send(method, path, headers: root, body: Data("x".utf8))
        #expect(answer.status == 405, "\(method) \(path): \(answer.status)")
      }
    }

    @Test("upstreams that cannot be used stop the start with their place")
    func unusable() async throws {
      try await Scratch.withDirectory("upstreams") { directory in
        let file = "\(directory)/upstreams.json"
        for (text, reason) in [
          ("{", file), (#"{"upstreams": []}"#, "upstreams: the list must not be empty"),
          (#"{"upstreams": [{"url": "https://a.example"}]}"#, "upstreams[0].namespace: it is missing"),
          (#"{"upstreams": [{"namespace": "a.example:5000"}]}"#, "say under which prefix"),
          (#"{"upstreams": [{"namespace": "a.example", "url": "ftp://a"}]}"#, "upstreams[0].url"),
          (#"{"upstreams": [{"namespace": "a.example", "ttl": "5 minutes"}]}"#, "upstreams[0].ttl"),
          (#"{"upstreams": [{"namespace": "a.example"}, {"namespace": "a.example"}]}"#, "already"),
          (
            #"{"upstreams": [{"namespace": "a.example", "prefix": "a"}, {"namespace": "b.example", "prefix": "a/b"}]}"#,
            "one below the other"
          ),
          (
            #"{"upstreams": [{"namespace": "a.example", "url": "http://a.example", "credentials": {"helper": "x"}}]}"#,
            "unencrypted"
          ),
          (
            #"{"upstreams": [{"namespace": "a.example", "credentials": {"user": "x"}}]}"#,
            "expected user and passwordFile"
          ),
          (
            #"{"upstreams": [{"namespace": "a.example", "speed": 1}]}"#, "upstreams[0].speed: it is not known"
          ),
        ] {
          try Data(text.utf8).write(to: URL(filePath: file))
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(directory)/data"],
            environment: ["KONTOR_MIRROR_UPSTREAMS": file])
          #expect(result.exit != .code(0) && result.error.contains(reason), "\(text): \(result.error)")
        }
      }
    }
  }
}
