import Foundation
import Testing

/// Debian's docker-registry with images, behind a proxy that counts what is asked, and a registry of ours that mirrors it.
struct UpstreamServer: Sendable {
  /// Of docker-registry's own address.
  let registry: DockerRegistryServer
  let proxy: PausingProxy
  let kontor: KontorProcess
  let client: KontorClient
  /// The file that describes the upstream.
  let file: String

  /// The name of the upstream.
  static let namespace = "upstream.example"
  /// Below which its images are.
  static let prefix = "mirror"

  /// The requests that came to the upstream, such as `GET /v2/trade/hello/manifests/v1`.
  var requests: [String] { proxy.requestLines }

  func count(_ text: String) -> Int { requests.filter { $0.hasPrefix(text) }.count }

  /// - Parameters:
  ///   - more: members of the upstream's description, each with a comma at its end.
  ///   - limit: bytes that the proxy passes on of each connection until it is told to go on.
  ///   - images: names that docker-registry has the image `hello` under.
  static func with(
    _ more: String = "", access: DockerRegistryServer.Access = .everybody, passing limit: Int? = nil,
    images names: [String] = ["trade/hello:v1"], _ environment: [String: String] = [:],
    _ body: (UpstreamServer) async throws -> Void
  ) async throws {
    let images = try await TestImage.shared
    try await DockerRegistryServer.with(access) { registry in
      try await KontorClient.with { client in
        if case .passwords = access {
          try await client.run(
            "login", registry.hostAndPort, "--username", DockerRegistryServer.user, "--password-stdin",
            input: Data(DockerRegistryServer.password.utf8))
        }
        for name in names {
          try await client.run("push", images.source("hello"), "\(registry.hostAndPort)/\(name)")
        }
        try await PausingProxy.with(to: try await registry.endpoint, passing: limit ?? .max) { proxy in
          let file = "\(client.home)/upstreams.json"
          try Data(
            """
            {"upstreams": [{"namespace": "\(namespace)", "prefix": "\(prefix)", \(more)
             "url": "http://\(proxy.hostAndPort)"}]}
            """.utf8
          ).write(to: URL(filePath: file))
          let settings = environment.merging(["KONTOR_MIRROR_UPSTREAMS": file]) { $1 }
          try await KontorProcess.with(.init(environment: settings)) { kontor in
            try await body(
              UpstreamServer(registry: registry, proxy: proxy, kontor: kontor, client: client, file: file))
          }
        }
      }
    }
  }
}
