import Foundation
import Testing

extension EndToEndTests {
  /// Jobs of other systems, which have ID tokens and no passwords.
  @Suite("workload identity", .serialized)
  struct WorkloadTests {
    private static let service = "registry.example"
    private static let rules = """
      {"rules": [
        {"repositories": ["acme/**"], "who": ["workload:acme-ci"], "actions": ["pull", "push"]},
        {"repositories": ["**"], "who": ["group:readers"], "actions": ["pull"]},
        {"repositories": ["**"], "who": ["user:root"], "actions": ["pull", "push"]}
      ]}
      """

    private struct Answer: Decodable {
      let token: String
      let accessToken: String
      let scope: String
      let type: String
      let issuedType: String
      let lifetime: Int
      let refreshToken: String?
      enum CodingKeys: String, CodingKey {
        case token, scope
        case accessToken = "access_token"
        case type = "token_type"
        case issuedType = "issued_token_type"
        case lifetime = "expires_in"
        case refreshToken = "refresh_token"
      }
    }

    private func rule(
      _ provider: OpenIDProvider, _ claims: String = #"{"repository": "acme/*", "ref": "refs/heads/main"}"#,
      name: String = "acme-ci", groups: String = "[]"
    ) -> String {
      """
      {"issuer": "\(provider.issuer)", "audience": "\(Self.service)", "claims": \(claims),
       "name": "\(name)", "groups": \(groups)}
      """
    }

    private func with(
      _ workloads: String, _ more: [String: String] = [:], _ body: (AccessServer, String) async throws -> Void
    ) async throws {
      try await Scratch.withDirectory("workloads") { directory in
        let file = "\(directory)/workloads.json"
        try Data("[\(workloads)]".utf8).write(to: URL(filePath: file))
        var environment = ["KONTOR_ACCESS_WORKLOADS": file, "KONTOR_ACCESS_SERVICE": Self.service]
        environment.merge(more) { $1 }
        try await AccessServer.with(rules: Self.rules, environment) { try await body($0, file) }
      }
    }

    private func exchange(
      _ token: String, _ scope: String?, at server: AccessServer,
      type: String = "urn:ietf:params:oauth:token-type:id_token"
    ) async throws -> PlainHTTP.Response {
      var form = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=\(token)"
      form += "&subject_token_type=\(type)"
      if let scope { form += "&scope=\(scope)" }
      return try await PlainHTTP(server.kontor.endpoint).send(
        "POST", "/token", headers: ["Content-Type": "application/x-www-form-urlencoded"],
        body: Data(form.utf8))
    }

    private static let main = ["repository": "acme/app", "ref": "refs/heads/main"]

    @Test("a job exchanges its ID token for one of ours, pushes and pulls with it, and may do no more")
    func exchanged() async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await OpenIDProvider.with { provider in
        try await with(rule(provider)) { server, _ in
          let endpoint = server.kontor.endpoint
          let http = PlainHTTP(endpoint)
          let token = try await provider.token("job-1", Self.main, for: Self.service)
          let answer = try await exchange(
            token, "repository:acme/app:pull,push repository:other/app:pull,push", at: server)
          #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
          let made = try JSONDecoder().decode(Answer.self, from: answer.body)
          #expect(made.token == made.accessToken && made.scope == "repository:acme/app:pull,push")
          #expect(made.type == "Bearer" && made.issuedType == "urn:ietf:params:oauth:token-type:jwt")
          #expect(made.lifetime == 3600 && made.refreshToken == nil)

          func copy(_ name: String, _ credentials: [String]) async throws -> Command.Output {
            try await Command(
              tool: .skopeo,
              arguments: ["--insecure-policy", "copy", "--dest-tls-verify=false"] + credentials + [
                images.source("hello"), endpoint.docker(name),
              ]
            ).attempt()
          }
          let pushed = try await copy("acme/app:v1", ["--dest-registry-token", made.token])
          #expect(pushed.succeeded, "\(pushed.errorText)")
          for name in ["acme/other:v1", "other/app:v1"] {
            #expect(try await !copy(name, ["--dest-registry-token", made.token]).succeeded)
          }
          // In the place of a password: as any client logs in. What it gives is no more, and ends no later.
          #expect(try await copy("acme/app:v2", ["--dest-creds", "ci:\(made.token)"]).succeeded)
          #expect(try await !copy("acme/other:v2", ["--dest-creds", "ci:\(made.token)"]).succeeded)
          let narrowed = try await http.send(
            "GET",
            "/token?scope=repository:acme/app:pull,push,delete&scope=repository:acme/other:pull&offline_token=true",
            headers: AccessServer.basic("ci", made.token))
          let text = String(decoding: narrowed.body, as: UTF8.self)
          #expect(text.contains(#""scope":"repository:acme/app:pull,push""#), "\(text)")
          #expect(!text.contains("refresh_token"))
          #expect(
            try await http.send("GET", "/metrics", headers: AccessServer.basic("ci", made.token)).status
              == 401)

          try await KontorClient.with { client in
            try await client.run(
              "login", endpoint.hostAndPort, "--username", "ci", "--password-stdin",
              input: Data(made.token.utf8))
            try await client.run(
              "pull", endpoint.reference("acme/app:v1"), "--to", "oci:\(client.home)/out")
            let other = try await client.attempt(
              ["push", images.source("hello"), endpoint.reference("acme/other:v1")])
            #expect(other.exit == .code(4), "\(other.error)")
          }
          #expect(!server.kontor.log.contains(token) && !server.kontor.log.contains(made.token))
        }
      }
    }

    @Test("docker, podman and kontor log in with an ID token itself")
    func password() async throws {
      try Tool.require(.docker, .dockerd, .podman, .skopeo)
      let images = try await TestImage.shared
      try await OpenIDProvider.with { provider in
        try await with(rule(provider)) { server, _ in
          let endpoint = server.kontor.endpoint
          let token = try await provider.token("job-1", Self.main, for: Self.service)
          try await KontorClient.with { client in
            func login(_ token: String) async throws -> KontorCommand.Result {
              try await client.attempt(
                ["login", endpoint.hostAndPort, "--username", "ci", "--password-stdin"],
                input: Data(token.utf8))
            }
            let other = try await provider.token("job-2", ["repository": "evil/app"], for: Self.service)
            let refused = try await login(other)
            #expect(refused.exit == .code(4) && refused.error.contains("no rule"), "\(refused.error)")
            #expect(try await login(token).exit == .code(0))
            let image = endpoint.reference("acme/app:v1")
            try await client.run("push", images.source("hello"), image)
            let denied = try await client.attempt([
              "push", images.source("hello"), endpoint.reference("b/app:v1"),
            ])
            #expect(denied.exit == .code(4), "\(denied.error)")
            try await DockerDaemon.with { docker in
              let host = ["--config", "\(client.home)/docker", "-H", "unix://\(docker.socket)"]
              try await Command(
                tool: .docker,
                arguments: host + ["login", "--username", "ci", "--password-stdin", endpoint.hostAndPort],
                input: Data(token.utf8)
              ).run()
              try await Command(tool: .docker, arguments: host + ["pull", image]).run()
              try await Command(tool: .docker, arguments: host + ["push", image]).run()
            }
            try await Podman.with { podman in
              let pull = ["pull", "--tls-verify=false", "--creds", "ci:\(token)", image]
              try await Command(tool: .podman, arguments: pull, environment: podman.environment).run()
            }
          }
        }
      }
    }

    @Test("tokens that are for somebody else, of somebody else, forged or expired are refused")
    func refused() async throws {
      try await OpenIDProvider.with { provider in
        try await OpenIDProvider.with { stranger in
          let readers = rule(provider, #"{"sub": "job-7"}"#, name: "reader", groups: #"["readers"]"#)
          try await with("\(rule(provider)),\(readers)") { server, _ in
            let good = try await provider.token("job-1", Self.main, for: Self.service)
            let scope = "repository:acme/app:pull,push"
            let parts = good.split(separator: ".").map(String.init)
            let foreign = try await stranger.token("job-1", Self.main, for: Self.service)
            let others = foreign.split(separator: ".").map(String.init)
            func encoded(_ text: String) -> String {
              Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
            }
            for (name, token, reason) in [
              (
                "another audience", try await provider.token("job-1", Self.main, for: "other.example"),
                "no rule"
              ),
              (
                "another branch",
                try await provider.token(
                  "job-2", Self.main.merging(["ref": "refs/heads/x"]) { $1 }, for: Self.service),
                "no rule"
              ),
              ("no claims", try await provider.token("job-3", [:], for: Self.service), "no rule"),
              ("another issuer", foreign, "are not taken here"),
              ("another's signature", "\(parts[0]).\(parts[1]).\(others[2])", "signature"),
              ("another's header and signature", "\(others[0]).\(parts[1]).\(others[2])", "does not count"),
              ("algorithm none", "\(encoded(#"{"alg":"none","typ":"JWT"}"#)).\(parts[1]).", "none"),
              ("no token", "abc", "no JSON Web Token"),
              ("a password", "root's password", "no JSON Web Token"),
            ] {
              let answer = try await exchange(token, scope, at: server)
              let text = String(decoding: answer.body, as: UTF8.self)
              #expect(answer.status == 401 && text.contains(reason), "\(name): \(text)")
            }
            // The group of a rule is the identity's.
            let reader = try await provider.token("job-7", ["a": "b"], for: Self.service)
            let read = try await exchange(reader, "repository:any/app:pull,push", at: server)
            #expect(
              String(decoding: read.body, as: UTF8.self).contains(#""scope":"repository:any/app:pull""#))

            for (answer, reason) in [
              (try await exchange(good, nil, at: server), "lacks scope"),
              (try await exchange(good, "nonsense", at: server), "malformed"),
              (
                try await exchange(good, scope, at: server, type: "urn:ietf:params:oauth:token-type:saml2"),
                "id_token"
              ),
            ] {
              let text = String(decoding: answer.body, as: UTF8.self)
              #expect(answer.status == 400 && text.contains(reason), "\(text)")
            }
          }
          // Clocks may differ by a minute; this one is older.
          try await OpenIDProvider.with(lifetime: -61) { late in
            try await with(rule(late)) { server, _ in
              let token = try await late.token("job-1", Self.main, for: Self.service)
              let answer = try await exchange(token, "repository:acme/app:pull", at: server)
              #expect(answer.status == 401)
              #expect(String(decoding: answer.body, as: UTF8.self).contains("expired"))
            }
          }
        }
      }
    }

    @Test("what was given ends with its rule; an issuer that does not answer is not the job's fault")
    func changes() async throws {
      let port = try LoopbackListener.unusedPort()
      var token = ""
      try await OpenIDProvider.with(port: port) { provider in
        try await with(rule(provider)) { server, file in
          let http = PlainHTTP(server.kontor.endpoint)
          token = try await provider.token("job-1", Self.main, for: Self.service)
          let answer = try await exchange(token, "repository:acme/app:pull", at: server)
          let made = try JSONDecoder().decode(Answer.self, from: answer.body).token
          func status() async throws -> Int {
            try await http.send(
              "GET", "/v2/acme/app/tags/list", headers: ["Authorization": "Bearer \(made)"]
            ).status
          }
          #expect(try await status() == 404)
          let before = server.kontor.log.components(separatedBy: "going by the rules of access").count
          try Data("[\(rule(provider, #"{"repository": "other/*"}"#, name: "other"))]".utf8)
            .write(to: URL(filePath: file), options: .atomic)
          try await server.kontor.daemon.waitFor("the new rules") {
            $0.log.components(separatedBy: "going by the rules of access").count > before ? true : nil
          }
          #expect(try await status() == 401)
          #expect(try await exchange(token, "repository:acme/app:pull", at: server).status == 401)
        }
      }
      // The provider is gone.
      let workloads = """
        {"issuer": "http://127.0.0.1:\(port)", "audience": "\(Self.service)", "claims": {"repository": "**"}, "name": "x"}
        """
      try await with(workloads) { server, _ in
        for _ in 0..<2 {
          let answer = try await exchange(token, "repository:acme/app:pull", at: server)
          #expect(answer.status == 503 && answer["retry-after"] != nil)
        }
        #expect(server.kontor.log.contains("cannot get the keys of an issuer"))
        #expect(
          try await PlainHTTP(server.kontor.endpoint).send("GET", "/v2/", headers: AccessServer.basic("root"))
            .status
            == 200)
      }
    }

    @Test("rules for jobs that cannot be used stop the start with their place")
    func unusable() async throws {
      try await Scratch.withDirectory("workloads") { directory in
        let file = "\(directory)/workloads.json"
        for (text, more, reason) in [
          ("{", [:], file), (#"[{"issuer": "http://ci.example"}]"#, [:], "[0].issuer"),
          (
            "[]",
            [
              "KONTOR_ACCESS_TOKENKEYS": "x", "KONTOR_ACCESS_TOKENISSUER": "x",
              "KONTOR_ACCESS_TOKENREALM": "https://x",
            ],
            "access.workloads is set, and access.tokenKeys"
          ),
        ] as [(String, [String: String], String)] {
          try Data(text.utf8).write(to: URL(filePath: file))
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(directory)/data"],
            environment: more.merging(["KONTOR_ACCESS_WORKLOADS": file]) { $1 })
          #expect(result.exit != .code(0) && result.error.contains(reason), "\(result.error)")
        }
      }
    }
  }
}
