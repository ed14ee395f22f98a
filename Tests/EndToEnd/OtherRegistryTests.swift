import Foundation
import Testing

extension EndToEndTests {
  /// `kontor` as a client of Debian's docker-registry, in the ways that it may be guarded.
  @Suite("other registries", .serialized)
  struct OtherRegistryTests {
    @Test("over TLS with a private authority, which is named or found, and with a password")
    func tls() async throws {
      let images = try await TestImage.shared
      let authority = try await PrivateCA.shared
      try await DockerRegistryServer.with(.passwords, .https) { registry in
        try await KontorClient.with { client in
          let image = "\(registry.hostAndPort)/trade/hello:v1"
          let untrusted = try await client.attempt(["push", images.source("hello"), image])
          #expect(untrusted.exit == .code(1) && untrusted.error.contains("not trusted"), "\(untrusted.error)")
          let login = ["login", registry.hostAndPort, "-u", DockerRegistryServer.user, "--password-stdin"]
          let named = try await client.attempt(
            login + ["--ca-cert", authority.certificate], input: Data(DockerRegistryServer.password.utf8))
          #expect(named.exit == .code(0), "\(named.error)")
          let digest = try await client.run(
            "push", images.source("multi"), image, "--ca-cert", authority.certificate)
          #expect(digest == sha256(try images.manifestBytes(images.multi)))

          let directory = "\(client.home)/.config/containers/certs.d/\(registry.hostAndPort)"
          try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
          try FileManager.default.copyItem(atPath: authority.certificate, toPath: "\(directory)/ca.crt")
          let pulled = try await client.run(
            "pull", image, "--all-platforms", "--to", "oci:\(client.home)/copy:v1")
          #expect(pulled == digest)
        }
      }
    }

    @Test("with tokens: everybody may pull with one that is for pulling, a user who logs in may push")
    func tokens() async throws {
      let images = try await TestImage.shared
      let (user, password) = (DockerRegistryServer.user, DockerRegistryServer.password)
      try await TokenServer.with(user: user, password: password) { tokens in
        try await DockerRegistryServer.with(.tokens(tokens)) { registry in
          try await KontorClient.with { client in
            let image = "\(registry.hostAndPort)/trade/hello:v1"
            let push = ["push", images.source("hello"), image]
            let before = try await client.attempt(push)
            #expect(before.exit == .code(4) && before.error.contains("kontor login"), "\(before.error)")

            let login = ["login", registry.hostAndPort, "--username", user, "--password-stdin"]
            let wrong = try await client.attempt(login, input: Data("guess".utf8))
            #expect(wrong.exit == .code(4) && wrong.error.contains("incorrect username"), "\(wrong.error)")
            let right = try await client.attempt(login, input: Data(password.utf8))
            #expect(right.exit == .code(0), "\(right.error)")
            let pushed = try await client.attempt(push)
            #expect(pushed.exit == .code(0), "\(pushed.error)")
            #expect(tokens.requests.last == "\(user) repository:trade/hello:pull,push")
            #expect(try await client.run("repos", registry.hostAndPort) == "trade/hello")
            #expect(tokens.requests.last == "\(user) registry:catalog:*")

            try await client.run("logout", registry.hostAndPort)
            let asked = tokens.requests.count
            let pulled = try await client.run("pull", image, "--to", "oci:\(client.home)/copy:v1")
            #expect(pulled + "\n" == pushed.output)
            // One token is enough for the manifest and all blobs.
            #expect(tokens.requests.dropFirst(asked) == ["- repository:trade/hello:pull"])
          }
        }
      }
    }
  }
}
