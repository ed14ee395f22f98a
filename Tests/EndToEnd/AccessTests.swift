import Foundation
import Testing

extension EndToEndTests {
  /// Who may pull, push and delete.
  @Suite("access", .serialized)
  struct AccessTests {
    /// Pushes `hello` as alice.
    private func push(_ names: String..., to server: AccessServer, client: KontorClient) async throws {
      let images = try await TestImage.shared
      let endpoint = server.kontor.endpoint
      try await client.run(
        "login", endpoint.hostAndPort, "--username", "root", "--password-stdin",
        input: Data("root's password".utf8))
      for name in names {
        try await client.run("push", images.source("hello"), endpoint.reference(name))
      }
      try await client.run("logout", endpoint.hostAndPort)
    }

    @Test("skopeo and podman log in, push and pull what they may, and are refused the rest")
    func podmansTools() async throws {
      try Tool.require(.skopeo, .podman)
      let images = try await TestImage.shared
      try await AccessServer.with { server in
        let endpoint = server.kontor.endpoint
        try await Podman.with { podman in
          for (tool, environment) in [(Tool.skopeo, [:]), (.podman, podman.environment)] {
            let file = "\(server.directory)/\(tool.rawValue).json"
            func run(_ arguments: [String]) async throws -> Command.Output {
              try await Command(tool: tool, arguments: arguments, environment: environment).attempt()
            }
            func login(_ user: String, _ password: String) async throws -> Command.Output {
              try await run([
                "login", "--tls-verify=false", "--authfile", file, "-u", user, "-p", password,
                endpoint.hostAndPort,
              ])
            }
            let wrong = try await login("alice", "wrong")
            #expect(
              !wrong.succeeded && wrong.errorText.contains("nvalid username/password"), "\(wrong.errorText)")
            let right = try await login("alice", "alice's password")
            #expect(right.succeeded, "\(right.errorText)")

            let name = "trade/\(tool.rawValue)"
            func push(_ name: String) async throws -> Command.Output {
              if tool == .skopeo {
                return try await run([
                  "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-authfile", file,
                  images.source("hello"), endpoint.docker("\(name):v1"),
                ])
              }
              let id = try await run([
                "pull", "--quiet", "--tls-verify=false", "--authfile", file,
                endpoint.reference("trade/skopeo:v1"),
              ]).text.trimmingCharacters(in: .newlines)
              return try await run([
                "push", "--tls-verify=false", "--authfile", file, id, endpoint.docker("\(name):v1"),
              ])
            }
            let pushed = try await push(name)
            #expect(pushed.succeeded, "\(pushed.errorText)")
            let refused = try await push("elsewhere/hello")
            #expect(
              !refused.succeeded && refused.errorText.contains("403 (Forbidden)"), "\(refused.errorText)")

            func inspect(_ more: [String]) async throws -> Bool {
              try await Command(
                tool: .skopeo,
                arguments: ["inspect", "--tls-verify=false"] + more + [endpoint.docker("\(name):v1")]
              ).attempt().succeeded
            }
            #expect(try await inspect(["--authfile", file]))
            #expect(try await inspect(["--creds", "bob:bob's password"]))
            #expect(try await !inspect(["--no-creds"]))
          }
        }
      }
    }

    @Test("docker logs in, pushes and pulls what it may, and is refused the rest")
    func docker() async throws {
      try Tool.require(.docker, .dockerd)
      let images = try await TestImage.shared
      try await AccessServer.with { server in
        try await KontorClient.with { client in
          let endpoint = server.kontor.endpoint
          try await push("trade/hello:v1", "public/hello:v1", to: server, client: client)
          try await DockerDaemon.with { docker in
            let configuration = "\(client.home)/docker"
            func run(_ arguments: [String], input: String? = nil) async throws -> Command.Output {
              try await Command(
                tool: .docker,
                arguments: ["--config", configuration, "-H", "unix://\(docker.socket)"] + arguments,
                input: input.map { Data($0.utf8) }
              ).attempt()
            }
            let image = endpoint.reference("trade/hello:v1")
            #expect(try await run(["pull", endpoint.reference("public/hello:v1")]).succeeded)
            let anonymous = try await run(["pull", image])
            #expect(!anonymous.succeeded, "\(anonymous.text)")

            func login(_ user: String, _ password: String) async throws -> Command.Output {
              try await run(
                ["login", "--username", user, "--password-stdin", endpoint.hostAndPort], input: password)
            }
            #expect(try await !login("bob", "wrong").succeeded)
            let bob = try await login("bob", "bob's password")
            #expect(bob.succeeded, "\(bob.errorText)")
            #expect(try await run(["pull", image]).succeeded)
            #expect(try await run(["tag", image, endpoint.reference("trade/bobs:v1")]).succeeded)
            let refused = try await run(["push", endpoint.reference("trade/bobs:v1")])
            #expect(!refused.succeeded && refused.errorText.contains("denied"), "\(refused.errorText)")
            #expect(try await login("alice", "alice's password").succeeded)
            let pushed = try await run(["push", endpoint.reference("trade/bobs:v1")])
            #expect(pushed.succeeded, "\(pushed.errorText)")
            _ = images
          }
        }
      }
    }

    @Test("containerd and kontor pull with a password, and with an API token")
    func containerdAndKontor() async throws {
      try Tool.require(.containerd, .ctr)
      let images = try await TestImage.shared
      try await AccessServer.with { server in
        try await KontorClient.with { client in
          let endpoint = server.kontor.endpoint
          try await push("trade/hello:v1", to: server, client: client)
          let token = try await server.administer(
            "token", "create", "ci", "--repository", "trade/*", "--actions", "pull")
          let image = endpoint.reference("trade/hello:v1")
          try await ContainerdDaemon.with { containerd in
            func pull(_ credentials: [String]) async throws -> Bool {
              try await Command(
                tool: .ctr,
                arguments: ["-a", containerd.address, "images", "pull", "--plain-http"] + credentials + [
                  image
                ]
              ).attempt().succeeded
            }
            let anonymous = try await pull([])
            #expect(!anonymous)
            #expect(try await !pull(["--user", "bob:wrong"]))
            #expect(try await pull(["--user", "bob:bob's password"]))
            #expect(try await pull(["--user", "ci:\(token)"]))
          }
          let pull = ["pull", image, "--to", "oci:\(client.home)/out"]
          let anonymous = try await client.attempt(pull)
          #expect(anonymous.exit == .code(4), "\(anonymous.error)")
          try await client.run(
            "login", endpoint.hostAndPort, "--username", "ci", "--password-stdin", input: Data(token.utf8))
          #expect(try await client.attempt(pull).exit == .code(0))
          let pushed = try await client.attempt(["push", images.source("hello"), image])
          #expect(pushed.exit == .code(4), "\(pushed.error)")

          #expect(try await server.administer("token", "list").contains("ci\t"))
          let json = try await server.administer(
            "token", "create", "other", "--repository", "**", "--actions", "pull", "--format", "json")
          #expect(json.contains(#""name":"other""#) && json.contains(#""token":"kontor_"#), "\(json)")
          try await server.administer("token", "revoke", "ci")
          #expect(try await client.attempt(pull).exit == .code(4))
        }
      }
    }

    /// What is asked for, of a repository.
    private static let endpoints: [(method: String, path: String, action: String)] = [
      ("GET", "/v2/REPO/manifests/v1", "pull"), ("HEAD", "/v2/REPO/manifests/v1", "pull"),
      ("GET", "/v2/REPO/manifests/DIGEST", "pull"), ("GET", "/v2/REPO/blobs/DIGEST", "pull"),
      ("HEAD", "/v2/REPO/blobs/DIGEST", "pull"), ("GET", "/v2/REPO/tags/list", "pull"),
      ("GET", "/v2/REPO/referrers/DIGEST", "pull"), ("GET", "/v2/REPO/_kontor/tags/signed", "pull"),
      ("GET", "/v2/REPO/_oci/ext/discover", "pull"), ("GET", "/extensions/v2/REPO/signatures/DIGEST", "pull"),
      ("GET", "/lookaside/REPO@ENCODED/signature-1", "pull"),
      ("GET", "/aci/127.0.0.1/REPO/v1/linux/amd64/image.aci", "pull"),
      ("POST", "/v2/REPO/blobs/uploads/", "push"), ("PUT", "/v2/REPO/manifests/v9", "push"),
      ("PATCH", "/v2/REPO/blobs/uploads/x", "push"),
      ("PUT", "/v2/REPO/blobs/uploads/x?digest=DIGEST", "push"),
      ("GET", "/v2/REPO/blobs/uploads/x", "push"), ("DELETE", "/v2/REPO/blobs/uploads/x", "push"),
      ("PUT", "/extensions/v2/REPO/signatures/DIGEST", "push"), ("DELETE", "/v2/REPO/manifests/v9", "delete"),
      ("DELETE", "/v2/REPO/blobs/DIGEST", "delete"),
    ]

    @Test("every endpoint asks before it looks: a denied name and a missing one get the same answer")
    func endpoints() async throws {
      try await AccessServer.with { server in
        try await KontorClient.with { client in
          try await push("trade/hello:v1", "public/hello:v1", "hidden/hello:v1", to: server, client: client)
          let http = PlainHTTP(server.kontor.endpoint)
          let digest = "sha256:" + String(repeating: "0", count: 64)
          func send(
            _ endpoint: (method: String, path: String, action: String), _ repository: String,
            _ headers: [String: String]
          ) async throws -> PlainHTTP.Response {
            let path = endpoint.path.replacing("REPO", with: repository).replacing("DIGEST", with: digest)
              .replacing("ENCODED", with: digest.replacing(":", with: "="))
            return try await http.send(endpoint.method, path, headers: headers)
          }
          let scopes = ["trade/hello", "hidden/hello", "public/hello"].map {
            "repository:\($0):pull,push,delete"
          }
          let everything = scopes.joined(separator: "%20")
          var identities: [(name: String, headers: [String: String], may: [String: [String]])] = [
            ("nobody", [:], ["public": ["pull"]]),
            (
              "alice", AccessServer.basic("alice"),
              ["trade": ["pull", "push", "delete"], "public": ["pull"]]
            ),
            ("bob", AccessServer.basic("bob"), ["trade": ["pull"], "public": ["pull"]]),
          ]
          identities.append(
            ("alice's token", try await server.bearer("alice", everything), identities[1].may))
          identities.append(("bob's token", try await server.bearer("bob", everything), identities[2].may))
          identities.append(("nobody's token", try await server.bearer(nil, everything), identities[0].may))
          for (name, headers, may) in identities {
            for endpoint in Self.endpoints {
              for group in ["trade", "public", "hidden"] {
                let answer = try await send(endpoint, "\(group)/hello", headers)
                let isAllowed = may[group]?.contains(endpoint.action) == true
                let what: Comment =
                  "\(name): \(endpoint.method) \(endpoint.path) in \(group): \(answer.status)"
                #expect([401, 403].contains(answer.status) == !isAllowed, what)
                if isAllowed { continue }
                let isAnonymous = name.hasPrefix("nobody")
                #expect(answer.status == (isAnonymous ? 401 : 403), what)
                #expect((answer["www-authenticate"] != nil) == isAnonymous, what)
                // But for the name itself, nothing tells one that is there from one that is not.
                let missing = try await send(endpoint, "\(group)/hell0", headers)
                func text(_ response: PlainHTTP.Response) -> String {
                  let head = response.headers.filter { !["date", "x-request-id"].contains($0.key) }
                  let lines = head.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                  return "\(response.status)\n\(lines)\n\(String(decoding: response.body, as: UTF8.self))"
                    .replacing("hell0", with: "hello")
                }
                #expect(text(missing) == text(answer), what)
              }
            }
          }
        }
      }
    }

    @Test("lists, mounts and discovery show nobody what he may not pull")
    func lists() async throws {
      try await AccessServer.with { server in
        try await KontorClient.with { client in
          try await push("trade/hello:v1", "public/hello:v1", "hidden/hello:v1", to: server, client: client)
          let http = PlainHTTP(server.kontor.endpoint)
          for (headers, expected) in [
            ([:], ["public/hello"]), (AccessServer.basic("bob"), ["public/hello", "trade/hello"]),
            (try await server.bearer("bob", "registry:catalog:*"), ["public/hello", "trade/hello"]),
            (AccessServer.basic("root"), ["hidden/hello", "public/hello", "trade/hello"]),
          ] {
            struct Catalog: Decodable { let repositories: [String] }
            let answer = try await http.send("GET", "/v2/_catalog", headers: headers)
            #expect(try JSONDecoder().decode(Catalog.self, from: answer.body).repositories == expected)
          }
          // A blob of a repository that alice may not pull from is not there to be mounted.
          let images = try await TestImage.shared
          struct Manifest: Decodable {
            struct Layer: Decodable { let digest: String }
            let layers: [Layer]
          }
          let manifest = try JSONDecoder().decode(Manifest.self, from: images.manifestBytes("hello"))
          let layer = try #require(manifest.layers.first?.digest)
          for (source, status) in [("&from=trade/hello", 201), ("&from=hidden/hello", 202)] {
            let answer = try await http.send(
              "POST", "/v2/trade/mounted/blobs/uploads/?mount=\(layer)\(source)",
              headers: AccessServer.basic("alice"))
            #expect(answer.status == status, "\(source)")
          }
          for (path, headers, status) in [
            ("/public/hello?ac-discovery=1", [:], 200), ("/hidden/hello?ac-discovery=1", [:], 404),
            ("/hidden/hell0?ac-discovery=1", [:], 404), ("/trade?ac-discovery=1", [:], 404),
            ("/trade?ac-discovery=1", AccessServer.basic("bob"), 200), ("/metrics", [:], 401),
            ("/metrics", AccessServer.basic("alice"), 403), ("/metrics", AccessServer.basic("root"), 200),
            ("/healthz", [:], 200), ("/readyz", [:], 200), ("/v2/", [:], 401),
            ("/v2/", AccessServer.basic("bob"), 200), ("/v2/", AccessServer.basic("bob", "wrong"), 401),
          ] as [(String, [String: String], Int)] {
            #expect(try await http.send("GET", path, headers: headers).status == status, "\(path)")
          }
        }
      }
    }

    @Test("tokens are for what they were issued for, and end with their owner")
    func tokens() async throws {
      try await AccessServer.with { server in
        try await KontorClient.with { client in
          try await push("trade/hello:v1", to: server, client: client)
          let http = PlainHTTP(server.kontor.endpoint)
          let path = "/v2/trade/hello/manifests/v1"
          let asked = try await http.send("GET", path)
          let challenge = try #require(asked["www-authenticate"])
          let place = "http://\(server.kontor.endpoint.hostAndPort)/token"
          #expect(challenge.hasPrefix("Bearer realm=\"\(place)\",service=\""))
          #expect(challenge.contains("scope=\"repository:trade/hello:pull\""))

          // One for a pull is none for a push, but says how to get one.
          let pull = try await server.bearer("alice", "repository:trade/hello:pull")
          #expect(try await http.send("GET", path, headers: pull).status == 200)
          let push = try await http.send("POST", "/v2/trade/hello/blobs/uploads/", headers: pull)
          #expect(push.status == 401)
          #expect(push["www-authenticate"]?.contains("error=\"insufficient_scope\"") == true)
          #expect(try await http.send("GET", "/v2/trade/other/tags/list", headers: pull).status == 401)

          // What was changed in it counts for nothing.
          let token = try await server.token("bob", "repository:trade/hello:pull")
          let parts = token.split(separator: ".").map(String.init)
          func encoded(_ text: String) -> String {
            Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
              .replacing("=", with: "")
          }
          let other = try await server.token("alice", "repository:trade/hello:pull,push")
            .split(separator: ".").map(String.init)
          for (name, forged) in [
            ("other claims", "\(parts[0]).\(other[1]).\(parts[2])"),
            ("algorithm none", "\(encoded(#"{"alg":"none","typ":"JWT"}"#)).\(parts[1])."),
            ("no signature", "\(parts[0]).\(parts[1])."), ("truncated", String(token.dropLast(4))),
            ("no token", "abc"), ("one more part", token + ".x"),
          ] {
            let answer = try await http.send("GET", path, headers: ["Authorization": "Bearer \(forged)"])
            #expect(answer.status == 401, "\(name)")
            #expect(answer["www-authenticate"]?.contains("error=\"invalid_token\"") == true, "\(name)")
          }
          #expect(
            try await http.send("GET", path, headers: ["Authorization": "Bearer \(token)"]).status == 200)

          // In the manner of OAuth 2, with a token that outlives the password's next use, but not its change.
          struct Answer: Decodable {
            let accessToken: String
            let refreshToken: String?
            enum CodingKeys: String, CodingKey {
              case accessToken = "access_token"
              case refreshToken = "refresh_token"
            }
          }
          func post(_ form: String) async throws -> PlainHTTP.Response {
            try await http.send(
              "POST", "/token", headers: ["Content-Type": "application/x-www-form-urlencoded"],
              body: Data((form + "&service=x&client_id=test&scope=repository%3Atrade%2Fhello%3Apull").utf8))
          }
          let first = try await post(
            "grant_type=password&username=bob&password=bob%27s+password&access_type=offline")
          #expect(first.status == 200)
          let refresh = try #require(try JSONDecoder().decode(Answer.self, from: first.body).refreshToken)
          let second = try await post("grant_type=refresh_token&refresh_token=\(refresh)")
          let fresh = try JSONDecoder().decode(Answer.self, from: second.body).accessToken
          func status(_ headers: [String: String]) async throws -> Int {
            let answer = try await http.send("GET", path, headers: headers)
            return answer.status
          }
          #expect(try await status(["Authorization": "Bearer \(fresh)"]) == 200)
          #expect(try await post("grant_type=password&username=bob&password=wrong").status == 401)
          #expect(try await post("grant_type=magic").status == 400)
          try await server.administer("user", "passwd", "bob", "--password-stdin", input: "new")
          #expect(try await post("grant_type=refresh_token&refresh_token=\(refresh)").status == 401)
          #expect(try await status(AccessServer.basic("bob")) == 401)
          #expect(try await status(AccessServer.basic("bob", "new")) == 200)
          let mine = try await http.send(
            "GET", "/token?scope=repository:trade/hello:pull", headers: AccessServer.basic("bob", "new"))
          let last = try JSONDecoder().decode(Answer.self, from: mine.body).accessToken
          #expect(try await status(["Authorization": "Bearer \(last)"]) == 200)
          try await server.administer("user", "remove", "bob")
          #expect(try await status(["Authorization": "Bearer \(last)"]) == 401)
          #expect(try await status(AccessServer.basic("bob", "new")) == 401)
        }
      }
    }

    @Test(
      "images that are held until they are signed are seen by those who may push or sign, and by nobody else")
    func held() async throws {
      try await Scratch.withDirectory("policy") { directory in
        let policy = "\(directory)/policy.json"
        try Data(#"{"default": [{"type": "reject"}]}"#.utf8).write(to: URL(filePath: policy))
        let rules = """
          {"rules": [
            {"repositories": ["**"], "who": ["user:root"], "actions": ["pull", "push"]},
            {"repositories": ["**"], "who": ["user:alice"], "actions": ["pull", "sign"]},
            {"repositories": ["**"], "who": ["authenticated"], "actions": ["pull"]}
          ]}
          """
        try await AccessServer.with(rules: rules, ["KONTOR_TRUST_POLICY": policy]) { server in
          try await KontorClient.with { client in
            try await push("trade/hello:v1", to: server, client: client)
            let http = PlainHTTP(server.kontor.endpoint)
            func status(_ headers: [String: String]) async throws -> Int {
              let answer = try await http.send("GET", "/v2/trade/hello/manifests/v1", headers: headers)
              return answer.status
            }
            #expect(try await status(AccessServer.basic("root")) == 200)
            #expect(try await status(AccessServer.basic("alice")) == 200)
            #expect(try await status(AccessServer.basic("bob")) == 404)
            // Who asks for a token to push with signs with it, too; one to pull with is for what all may have.
            let scope = "repository:trade/hello:pull"
            #expect(try await status(server.bearer("alice", scope + ",push")) == 200)
            #expect(try await status(server.bearer("alice", scope)) == 404)
            #expect(try await status(server.bearer("bob", scope + ",push")) == 404)
          }
        }
      }
    }

    @Test("who shows a certificate is known by its name; one by another authority is refused")
    func certificates() async throws {
      try Tool.require(.curl, .openssl)
      let authority = try await PrivateCA.shared
      try await Scratch.withDirectory("clients") { directory in
        func openssl(_ arguments: [String]) async throws {
          try await Command(tool: .openssl, arguments: arguments).run()
        }
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for name in ["ours", "theirs"] {
          try await openssl(
            ["req", "-x509"] + newKey + ["-days", "2", "-subj", "/CN=\(name)"]
              + ["-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).crt"])
        }
        for (name, subject, issuer) in [
          ("builder", "/O=Acme/CN=builder", "ours"), ("forged", "/CN=builder", "theirs"),
          ("other", "/CN=other", "ours"), ("nobody", "/CN=a/CN=b", "ours"),
        ] {
          try await openssl(
            ["req"] + newKey + ["-subj", subject]
              + ["-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).csr"])
          try await openssl([
            "x509", "-req", "-in", "\(directory)/\(name).csr", "-CA", "\(directory)/\(issuer).crt", "-CAkey",
            "\(directory)/\(issuer).key", "-CAcreateserial", "-days", "2", "-out", "\(directory)/\(name).crt",
          ])
        }
        let rules = """
          {"rules": [{"repositories": ["**"], "who": ["certificate:builder"], "actions": ["pull", "push"]},
                     {"repositories": ["**"], "who": ["user:root"], "actions": ["pull"]}]}
          """
        try Data(rules.utf8).write(to: URL(filePath: "\(directory)/rules.json"))
        try await AccessServer.administer(
          ["user", "add", "root", "--password-stdin", "--data", "\(directory)/data"], input: "root's password"
        )
        var settings = KontorProcess.Settings(transport: .https, data: "\(directory)/data")
        settings.environment = [
          "KONTOR_ACCESS_RULES": "\(directory)/rules.json",
          "KONTOR_TLS_CLIENTAUTHORITIES": "\(directory)/ours.crt",
        ]
        try await KontorProcess.with(settings) { kontor in
          func status(_ name: String?, _ method: String, _ path: String, _ more: String...) async throws
            -> String
          {
            var arguments = [
              "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", authority.certificate, "-X", method,
              kontor.endpoint.url(path),
            ]
            if let name {
              arguments += ["--cert", "\(directory)/\(name).crt", "--key", "\(directory)/\(name).key"]
            }
            return try await Command(tool: .curl, arguments: arguments + more).attempt().text
          }
          let upload = "/v2/trade/hello/blobs/uploads/"
          for version in ["--http1.1", "--http2"] {
            #expect(try await status("builder", "POST", upload, version) == "202")
            #expect(try await status("builder", "GET", "/v2/", version) == "200")
            #expect(try await status("other", "POST", upload, version) == "403")
            #expect(try await status(nil, "POST", upload, version) == "401")
            #expect(try await status("nobody", "POST", upload, version) == "401")
            #expect(try await status("forged", "POST", upload, version) == "000")
          }
          // A password counts before the certificate.
          let password = try await status("builder", "POST", upload, "-u", "root:root's password")
          #expect(password == "403")
        }
      }
    }

    @Test("another issuer's tokens count, as Distribution takes them, and what they say is all that counts")
    func otherIssuer() async throws {
      let images = try await TestImage.shared
      let authority = try await PrivateCA.shared
      try await TokenServer.with(user: "carl", password: "a secret") { tokens in
        let environment = [
          "KONTOR_ACCESS_TOKENKEYS": authority.certificate, "KONTOR_ACCESS_TOKENISSUER": TokenServer.issuer,
          "KONTOR_ACCESS_TOKENREALM": tokens.realm, "KONTOR_ACCESS_SERVICE": TokenServer.service,
        ]
        try await KontorProcess.with(.init(environment: environment)) { kontor in
          try await KontorClient.with { client in
            let image = kontor.endpoint.reference("trade/hello:v1")
            let push = ["push", images.source("hello"), image]
            let anonymous = try await client.attempt(push)
            #expect(anonymous.exit == .code(4), "\(anonymous.error)")
            try await client.run(
              "login", kontor.endpoint.hostAndPort, "--username", "carl", "--password-stdin",
              input: Data("a secret".utf8))
            let pushed = try await client.attempt(push)
            #expect(pushed.exit == .code(0), "\(pushed.error)")
            try await client.run("logout", kontor.endpoint.hostAndPort)
            let pulled = try await client.attempt(["pull", image, "--to", "oci:\(client.home)/out"])
            #expect(pulled.exit == .code(0), "\(pulled.error)")
            #expect(tokens.requests.contains { $0.hasPrefix("carl repository:trade/hello:") })
          }
          let http = PlainHTTP(kontor.endpoint)
          #expect(try await http.send("GET", "/token?service=trade").status == 404)
          #expect(try await http.send("GET", "/v2/").status == 401)
        }
        let missing = try await KontorCommand.run(
          ["serve", "--listen", "127.0.0.1:0"],
          environment: environment.filter { $0.key != "KONTOR_ACCESS_TOKENREALM" })
        #expect(missing.exit == .code(2) && missing.error.contains("access.tokenRealm"), "\(missing.error)")
      }
    }

    @Test("users of a file that htpasswd wrote are known, and new ones without a restart; rules, too")
    func files() async throws {
      try await KontorClient.with { client in
        let (users, rules) = ("\(client.home)/htpasswd", "\(client.home)/rules.json")
        func write(_ text: String, to path: String) throws {
          try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        }
        let line = ":$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"
        try write("trader" + line, to: users)
        let environment = ["KONTOR_ACCESS_HTPASSWD": users]
        try await KontorProcess.with(.init(environment: environment)) { kontor in
          let http = PlainHTTP(kontor.endpoint)
          func status(_ user: String) async throws -> Int {
            try await http.send("GET", "/v2/", headers: AccessServer.basic(user, "open sesame")).status
          }
          func reloads() -> Int { kontor.log.components(separatedBy: "going by the rules of access").count }
          #expect(try await status("trader") == 200)
          #expect(try await status("other") == 401)
          #expect(try await http.send("GET", "/v2/").status == 401)
          var before = reloads()
          try write("other" + line, to: users)
          try await kontor.daemon.waitFor("the new users") { _ in reloads() > before ? true : nil }
          #expect(try await status("trader") == 401)
          #expect(try await status("other") == 200)
          // A broken file changes nothing.
          try write("other:$apr1$abc$def\n", to: users)
          try await kontor.daemon.waitFor("the refusal") { $0.log.contains("stay as they were") ? true : nil }
          #expect(kontor.log.contains("htpasswd -B"))
          #expect(try await status("other") == 200)
          before = reloads()
          try write("trader" + line, to: users)
          kill(kontor.pid, SIGHUP)
          try await kontor.daemon.waitFor("the new users") { _ in reloads() > before ? true : nil }
          #expect(try await status("trader") == 200)
        }
        for (text, reason) in [
          ("{", "rules"),
          (#"{"rules": [{"repositories": ["a"], "who": ["x"], "actions": []}]}"#, "rules[0].who[0]"),
        ] {
          try write(text, to: rules)
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(client.home)/data"],
            environment: ["KONTOR_ACCESS_RULES": rules])
          #expect(result.exit != .code(0) && result.error.contains(reason), "\(result.error)")
        }
      }
    }

    @Test("whoever guesses passwords is locked out, and others are not")
    func guessing() async throws {
      try await AccessServer.with { server in
        let http = PlainHTTP(server.kontor.endpoint)
        var last: PlainHTTP.Response?
        for _ in 0..<100 where last?.status != 429 {
          last = try await http.send("GET", "/v2/", headers: AccessServer.basic("alice", "guess"))
        }
        let locked = try #require(last)
        #expect(locked.status == 429 && locked.errorCodes == ["TOOMANYREQUESTS"])
        #expect((locked["retry-after"].flatMap { Int($0) } ?? 0) > 0)
        // The right password does not help for now.
        #expect(try await http.send("GET", "/v2/", headers: AccessServer.basic("alice")).status == 429)
        var elsewhere = http
        elsewhere.source = "127.0.0.9"
        #expect(try await elsewhere.send("GET", "/v2/", headers: AccessServer.basic("alice")).status == 200)
        #expect(!server.kontor.log.contains("guess"))
        // Who makes many guesses at the same time makes no more than one after the other.
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
          for number in 0..<60 {
            group.addTask {
              try await http.send("GET", "/v2/", headers: AccessServer.basic("bob", "guess \(number)")).status
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.filter { $0 == 401 }.count <= 5 && answers.filter { $0 == 429 }.count >= 55)
      }
    }

    @Test("other machines are let in only with TLS and with access control, or if that is said")
    func defaults() async throws {
      let authority = try await PrivateCA.shared
      try await Scratch.withDirectory("defaults") { directory in
        let tls = ["--tls-cert", authority.serverCertificate, "--tls-key", authority.serverKey]
        for (address, more, environment, reason) in [
          ("0.0.0.0:0", [], [:], "unencrypted"), (":0", [], [:], "everybody might pull, push and delete"),
          ("[::]:0", tls, [:], "everybody might"),
          ("192.0.2.1:0", [], ["KONTOR_ACCESS_REQUIRED": "true"], "unencrypted"),
        ] as [(String, [String], [String: String], String)] {
          let result = try await KontorCommand.run(
            ["serve", "--listen", address, "--data", "\(directory)/data"] + more, environment: environment)
          #expect(result.exit == .code(2) && result.error.contains(reason), "\(address): \(result.error)")
          #expect(result.error.contains("--insecure"))
        }
        for (more, environment) in [
          (["--insecure"], [:]), ([], ["KONTOR_SERVER_INSECURE": "true"]),
          (tls, ["KONTOR_ACCESS_REQUIRED": "true"]),
        ] as [([String], [String: String])] {
          let daemon = try await Daemon.start(
            try KontorProcess.binary(),
            ["serve", "--listen", "0.0.0.0:0", "--data", "\(directory)/data"] + more,
            environment: environment, logIn: directory)
          try await running {
            try await daemon.waitFor("its listening line") { $0.log.contains("listening on") ? true : nil }
            #expect(await daemon.stop() == .code(0))
          } finally: {
            await daemon.kill()
          }
        }
      }
    }

    @Test("the commands for users, tokens and access say what is wrong")
    func commands() async throws {
      try await AccessServer.with { server in
        let rules = "\(server.directory)/rules.json"
        func run(_ arguments: String..., input: String = "") async throws -> KontorCommand.Result {
          try await KontorCommand.run(
            arguments,
            environment: ["KONTOR_ACCESS_RULES": rules, "KONTOR_STORAGE_DATA": server.kontor.data],
            input: Data(input.utf8))
        }
        for (result, exit, text) in [
          (
            try await run("user", "add", "alice", "--password-stdin", input: "x"), 1,
            "there is a user alice already"
          ),
          (try await run("user", "add", "carl", "--password-stdin"), 2, "there is no password"),
          (try await run("user", "add", "a:b", "--password-stdin", input: "x"), 2, "no colon"),
          (
            try await run(
              "user", "add", "carl", "--password-stdin", input: String(repeating: "x", count: 73)), 2,
            "72"
          ),
          (try await run("user", "remove", "nobody"), 3, "there is no user nobody"),
          (
            try await run("user", "passwd", "nobody", "--password-stdin", input: "x"), 3,
            "there is no user nobody"
          ),
          (try await run("token", "revoke", "nothing"), 3, "there is no token nothing"),
          (
            try await run("token", "create", "x", "--repository", "A", "--actions", "pull"), 2, "--repository"
          ),
          (try await run("token", "create", "x", "--repository", "a", "--actions", "fly"), 2, "--actions"),
          (
            try await run(
              "token", "create", "x", "--repository", "a", "--actions", "pull", "--expires", "1y"), 2,
            "--expires"
          ),
        ] {
          #expect(
            result.exit == .code(Int32(exit)) && result.error.contains(text), "\(text): \(result.error)")
        }
        for (user, reason) in [
          ("robot:x", "is nobody"), ("workload:", "empty"), ("token:ci", "kontor token list"),
        ] {
          let result = try await run("access", "explain", user, "trade/app")
          #expect(result.exit == .code(2) && result.error.contains(reason), "\(result.error)")
        }
        let listed = try await run("user", "list")
        #expect(listed.output == "alice\tdev\nbob\t\nroot\t\n")
        #expect(try await run("user", "list", "--format", "json").output.contains(#""groups":["dev"]"#))
        for (arguments, text) in [
          (
            ["alice", "trade/app", "--group", "dev"], "alice may pull, push, delete in trade/app\nby rules[2]"
          ),
          (["anonymous", "public/app"], "anonymous may pull in public/app\nby rules[1]"),
          (["anonymous", "trade/app"], "anonymous may do nothing in trade/app\nno rule is for it"),
          (["workload:ci", "trade/app"], "workload:ci may do nothing in trade/app\nno rule is for it"),
          (["user:bob", "trade/app"], "user:bob may pull in trade/app\nby rules[3]"),
        ] {
          let result = try await KontorCommand.run(
            ["access", "explain"] + arguments, environment: ["KONTOR_ACCESS_RULES": rules])
          #expect(result.output.contains(text), "\(result.output)")
        }
      }
    }
  }
}
