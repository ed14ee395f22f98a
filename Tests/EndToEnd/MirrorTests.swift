import Foundation
import Testing

extension EndToEndTests {
  /// What the user's machine says of registries, as it holds for the program.
  @Suite("mirrors", .serialized)
  struct MirrorTests {
    /// A name that nobody has: only the settings lead anywhere.
    private static let name = "registry.invalid/trade/hello:v1"

    private struct Servers {
      let mirror: PausingProxy
      let origin: PausingProxy
      let mirrorEndpoint: Endpoint
      let client: KontorClient
      let digest: String
    }

    /// Runs `body` with two registries that have the image `hello`, each behind a proxy that says what was asked.
    private func withServers(
      mirror transport: Transport = .http, _ body: (Servers) async throws -> Void
    ) async throws {
      let images = try await TestImage.shared
      try await KontorProcess.with { origin in
        try await KontorProcess.with(transport) { mirror in
          try await KontorClient.with { client in
            let digest = try await client.run(
              "push", images.source("hello"), origin.endpoint.reference("trade/hello:v1"))
            let image = mirror.endpoint.reference("copies/hello:v1")
            try await client.run(
              "copy", origin.endpoint.reference("trade/hello:v1"), image, "--ca-cert",
              mirror.endpoint.authority.certificate)
            try await PausingProxy.with(to: mirror.endpoint, passing: .max) { mirrorProxy in
              try await PausingProxy.with(to: origin.endpoint, passing: .max) { originProxy in
                try await body(
                  Servers(
                    mirror: mirrorProxy, origin: originProxy, mirrorEndpoint: mirror.endpoint, client: client,
                    digest: digest))
              }
            }
          }
        }
      }
    }

    @Test("a mirror of registries.conf is asked first; if it has nothing, or is down, the registry is")
    func registriesConf() async throws {
      try await withServers { servers in
        let client = servers.client
        func write(mirror: String) throws {
          let directory = "\(client.home)/.config/containers"
          try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
          let text = """
            [[registry]]
            prefix = "registry.invalid/trade"
            location = "\(servers.origin.hostAndPort)/trade"
            [[registry.mirror]]
            location = "\(mirror)/copies"

            [[registry]]
            prefix = "registry.invalid/forbidden"
            blocked = true
            """
          try Data(text.utf8).write(to: URL(filePath: "\(directory)/registries.conf"))
        }
        try write(mirror: servers.mirror.hostAndPort)
        let first = try await client.run("pull", Self.name, "--to", "oci:\(client.home)/first:v1")
        #expect(first == servers.digest)
        #expect(servers.mirror.requests.contains("GET /v2/copies/hello/blobs/"))
        #expect(servers.origin.accepted == 0)

        try await client.run("delete", servers.mirrorEndpoint.reference("copies/hello@\(servers.digest)"))
        let second = try await client.run("pull", Self.name, "--to", "oci:\(client.home)/second:v1")
        #expect(second == servers.digest)
        #expect(servers.origin.requests.contains("GET /v2/trade/hello/manifests/v1"))

        try write(mirror: "127.0.0.1:1")
        let third = try await client.run("pull", Self.name, "--to", "oci:\(client.home)/third:v1")
        #expect(third == servers.digest)

        let blocked = try await client.attempt(["pull", "registry.invalid/forbidden/hello:v1"])
        #expect(blocked.exit == .code(4) && blocked.error.contains("blocked"), "\(blocked.error)")
      }
    }

    @Test("a host of hosts.toml is asked with its own authority; it gets no pushes that it cannot take")
    func hostsFile() async throws {
      try await withServers(mirror: .https) { servers in
        let client = servers.client
        let directory = "\(client.home)/containerd/certs.d/registry.invalid"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: servers.mirrorEndpoint.authority.certificate, toPath: "\(directory)/mirror.crt")
        let text = """
          server = "http://\(servers.origin.hostAndPort)"
          [host."https://\(servers.mirror.hostAndPort)"]
          capabilities = ["pull", "resolve"]
          ca = "mirror.crt"
          """
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/hosts.toml"))
        let image = "registry.invalid/copies/hello:v1"
        let pulled = try await run(client, ["pull", image, "--to", "oci:\(client.home)/first:v1"])
        #expect(pulled == servers.digest)
        #expect(servers.origin.accepted == 0 && servers.mirror.accepted > 0)

        let pushed = try await run(client, ["push", "oci:\(client.home)/first:v1", image])
        #expect(pushed == servers.digest)
        #expect(servers.origin.requests.contains("PUT /v2/copies/hello/manifests/v1"))
        #expect(servers.origin.requests.contains("ns=registry.invalid"))

        try FileManager.default.removeItem(atPath: "\(directory)/mirror.crt")
        let broken = try await attempt(client, ["pull", image, "--to", "oci:\(client.home)/second:v1"])
        #expect(broken.succeeded, "\(broken.errorText)")
        #expect(servers.origin.requests.contains("GET /v2/copies/hello/manifests/v1"))
      }
    }

    /// Runs `kontor` where `/etc/containerd` is the client's.
    private func attempt(_ client: KontorClient, _ arguments: [String]) async throws -> Command.Output {
      let script = #"mount --bind "$1" /etc/containerd && shift && exec "$@""#
      return try await Command(
        tool: .unshare,
        arguments: [
          "--mount", "sh", "-c", script, "sh", "\(client.home)/containerd", try KontorProcess.binary(),
        ] + arguments,
        environment: client.variables
      ).attempt()
    }

    private func run(_ client: KontorClient, _ arguments: [String]) async throws -> String {
      let output = try await attempt(client, arguments)
      #expect(output.succeeded, "\(output.errorText)")
      return output.text.trimmingCharacters(in: .newlines)
    }
  }
}
