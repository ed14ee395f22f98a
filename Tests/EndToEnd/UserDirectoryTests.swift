import Foundation
import Testing

extension EndToEndTests {
  /// Users of an LDAP directory.
  @Suite("LDAP", .serialized)
  struct UserDirectoryTests {
    private func isIn(_ http: PlainHTTP, _ user: String, _ password: String) async throws -> Int {
      try await http.send("GET", "/v2/", headers: AccessServer.basic(user, password)).status
    }

    @Test("docker, podman, skopeo and kontor log in as users of a directory, whose groups count in the rules")
    func clients() async throws {
      try Tool.require(.docker, .dockerd, .podman, .skopeo)
      let images = try await TestImage.shared
      let rules = """
        {"rules": [
          {"repositories": ["trade/**"], "who": ["group:dev"], "actions": ["pull", "push"]},
          {"repositories": ["trade/**"], "who": ["user:dave"], "actions": ["pull"]}
        ]}
        """
      try await UserDirectory.with { directory in
        try await AccessServer.with(rules: rules, try await directory.environment()) { server in
          try await KontorClient.with { client in
            let endpoint = server.kontor.endpoint
            let image = endpoint.reference("trade/hello:v1")
            func login(_ user: String, _ password: String) async throws -> KontorCommand.Result {
              try await client.attempt(
                ["login", endpoint.hostAndPort, "--username", user, "--password-stdin"],
                input: Data(password.utf8))
            }
            #expect(try await login("carol", "wrong").exit == .code(4))
            #expect(try await login("carol", "").exit != .code(0))
            #expect(try await login("carol", "carol's password").exit == .code(0))
            try await client.run("push", images.source("hello"), image)
            #expect(try await login("dave", "dave's password").exit == .code(0))
            try await client.run("pull", image, "--to", "oci:\(client.home)/out")
            let refused = try await client.attempt(["push", images.source("hello"), image])
            #expect(refused.exit == .code(4), "\(refused.error)")

            func copy(_ credentials: String) async throws -> Bool {
              try await Command(
                tool: .skopeo,
                arguments: [
                  "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds", credentials,
                  images.source("hello"), endpoint.docker("trade/copy:v1"),
                ]
              ).attempt().succeeded
            }
            #expect(try await copy("carol:carol's password"))
            #expect(try await !copy("dave:dave's password"))
            #expect(try await !copy("carol:dave's password"))
            try await DockerDaemon.with { docker in
              let host = ["--config", "\(client.home)/docker", "-H", "unix://\(docker.socket)"]
              try await Command(
                tool: .docker,
                arguments: host + ["login", "--username", "carol", "--password-stdin", endpoint.hostAndPort],
                input: Data("carol's password".utf8)
              ).run()
              try await Command(tool: .docker, arguments: host + ["pull", image]).run()
              try await Command(tool: .docker, arguments: host + ["push", image]).run()
            }
            try await Podman.with { podman in
              let pull = ["pull", "--tls-verify=false", "--creds", "dave:dave's password", image]
              try await Command(tool: .podman, arguments: pull, environment: podman.environment).run()
            }
            #expect(!server.kontor.log.contains("'s password"))
          }
        }
      }
    }

    @Test("names are spelled as the directory spells them, and users of the registry itself come first")
    func names() async throws {
      try await UserDirectory.with { directory in
        let audit = "\(directory.directory)/audit.json"
        let environment = try await directory.environment().merging(["KONTOR_LOG_AUDIT": audit]) { $1 }
        try await AccessServer.with(environment) { server in
          let http = PlainHTTP(server.kontor.endpoint)
          #expect(try await isIn(http, "CAROL", "carol's password") == 200)
          let denied = try await http.send(
            "DELETE", "/v2/other/x/manifests/v1", headers: AccessServer.basic("Carol", "carol's password"))
          #expect(denied.status == 403)
          #expect(try String(contentsOfFile: audit, encoding: .utf8).contains(#""user":"user:carol""#))
          // alice is the registry's own. That another one is in the directory makes nobody alice.
          #expect(try await isIn(http, "alice", "alice's password") == 200)
          #expect(try await isIn(http, "alice", "another password") == 401)
          #expect(try await isIn(http, "ALICE", "another password") == 401)
          for (user, password) in [
            ("carol", ""), ("*", "carol's password"), ("c*", "carol's password"), ("nobody", "x"),
            ("carol)(uid=*", "carol's password"),
          ] {
            #expect(try await isIn(http, user, password) == 401, "\(user)")
          }
          // What Docker keeps instead of a password would outlive that: it is not given.
          let token = try await http.send(
            "GET", "/token?offline_token=true", headers: AccessServer.basic("carol", "carol's password"))
          #expect(
            token.status == 200 && !String(decoding: token.body, as: UTF8.self).contains("refresh_token"))
        }
      }
    }

    @Test("what was given ends with its user; a directory that does not answer is not the user's fault")
    func changes() async throws {
      try await UserDirectory.with { directory in
        try await AccessServer.with(try await directory.environment()) { server in
          let http = PlainHTTP(server.kontor.endpoint)
          struct Answer: Decodable { let token: String }
          func bearer(_ user: String) async throws -> [String: String] {
            let answer = try await http.send(
              "GET", "/token?scope=repository:trade/hello:pull", headers: AccessServer.basic(user))
            return [
              "Authorization": "Bearer " + (try JSONDecoder().decode(Answer.self, from: answer.body).token)
            ]
          }
          func status(_ headers: [String: String]) async throws -> PlainHTTP.Response {
            try await http.send("GET", "/v2/trade/hello/tags/list", headers: headers)
          }
          let (first, second) = (try await bearer("carol"), try await bearer("carol"))
          #expect(try await status(first).status == 404)
          await directory.stop()
          // What was found out a moment ago counts.
          #expect(try await status(first).status == 404)
          for headers in [second, AccessServer.basic("dave")] {
            let answer = try await status(headers)
            #expect(answer.status == 503 && answer["retry-after"] != nil)
          }
          #expect(server.kontor.log.contains("the directory of users is of no help"))
          #expect(try await isIn(http, "alice", "alice's password") == 200)

          try await directory.remove("carol")
          let again = try await directory.restarted()
          try await running {
            let (gone, stays) = (
              try await status(second).status, try await isIn(http, "dave", "dave's password")
            )
            #expect(gone == 401 && stays == 200)
          } finally: {
            await again.stop()
          }
        }
      }
    }

    @Test("settings that cannot be used stop the start, and say why")
    func unusable() async throws {
      try await Scratch.withDirectory("ldap") { directory in
        let password = "\(directory)/password"
        try Data("x\n".utf8).write(to: URL(filePath: password))
        let good = ["KONTOR_LDAP_URL": "ldap://ldap.example", "KONTOR_LDAP_USERBASE": "ou=people,dc=example"]
        for (more, reason) in [
          (["KONTOR_LDAP_URL": "ldap.example"], "ldaps://"), (["KONTOR_LDAP_USERBASE": ""], "LDAP_USERBASE"),
          (["KONTOR_LDAP_USERBASE": "people"], "no distinguished name"),
          (["KONTOR_LDAP_STARTTLS": "false"], "unencrypted"),
          (["KONTOR_LDAP_USERFILTER": "(uid={name})"], "(uid={user})"),
          (["KONTOR_LDAP_USERFILTER": "(uid=x)"], "has to have {user}"),
          (["KONTOR_LDAP_BINDDN": "cn=x"], "ldap.passwordFile"),
          (
            ["KONTOR_LDAP_BINDDN": "cn=x", "KONTOR_LDAP_PASSWORDFILE": "\(directory)/none"], "cannot be read"
          ),
          (["KONTOR_LDAP_AUTHORITIES": "\(directory)/none"], "is not there"),
          (["KONTOR_LDAP_USERNAME": "a b"], "no attribute"), (["KONTOR_LDAP_TIMEOUT": "2m"], "60 seconds"),
        ] {
          let result = try await KontorCommand.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(directory)/data"],
            environment: good.merging(more) { $1 })
          #expect(result.exit != .code(0) && result.error.contains(reason), "\(more): \(result.error)")
        }
        let missing = try await KontorCommand.run(
          ["serve", "--listen", "127.0.0.1:0", "--data", "\(directory)/data"],
          environment: ["KONTOR_LDAP_URL": "ldap://ldap.example"])
        #expect(missing.exit == .code(2) && missing.error.contains("ldap.userBase"), "\(missing.error)")
      }
    }
  }
}
