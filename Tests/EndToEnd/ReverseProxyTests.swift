import Foundation
import Testing

extension EndToEndTests {
  /// The registry behind the proxies that `deploy/` has examples for, which speak TLS for it.
  @Suite("reverse proxy", .serialized)
  struct ReverseProxyTests {
    /// Runs `body` with a registry and a proxy before it, at an address where Docker checks certificates.
    private func withProxy(
      _ proxy: ReverseProxy, _ body: (_ proxy: Endpoint, _ registry: KontorProcess) async throws -> Void
    ) async throws {
      let host = PrivateCA.documentationAddress
      try await LoopbackAddress.with(host) {
        let environment = ["KONTOR_APPC_HOSTS": host, "KONTOR_SERVER_TRUSTEDPROXIES": "127.0.0.1"]
        try await KontorProcess.with(.init(environment: environment)) { kontor in
          try await proxy.with(before: kontor.endpoint, at: host) { try await body($0, kontor) }
        }
      }
    }

    @Test("an image of 100 MiB, pushed and pulled by Kontor and by Docker", arguments: ReverseProxy.allCases)
    func largeImage(_ proxy: ReverseProxy) async throws {
      try Tool.require(.docker, .dockerd, .tar)
      try await KontorClient.with { client in
        var generator = SeededGenerator(seed: 41)
        try generator.data(100 << 20).write(to: URL(filePath: "\(client.home)/file"))
        try await Tool.tar.run("-C", client.home, "-cf", "\(client.home)/root.tar", "file")
        try await withProxy(proxy) { endpoint, registry in
          func kontor(_ arguments: String...) async throws -> String {
            let result = try await client.attempt(arguments + endpoint.clientFlags)
            #expect(result.exit == .code(0), "\(result.error)")
            return result.output.trimmingCharacters(in: .newlines)
          }
          let image = endpoint.reference("trade/large:v1")
          let digest = try await kontor(
            "push", "rootfs-tar:\(client.home)/root.tar", image, "--entrypoint", "/file")
          #expect(try await kontor("pull", image, "--to", "oci:\(client.home)/layout:v1") == digest)

          try await DockerDaemon.with { docker in
            try await DockerDaemon.trusting(endpoint) {
              // From the registry itself, so that Docker does not know that the proxy has the layer.
              let direct = registry.endpoint.reference("trade/large:v1")
              try await docker.run("pull", direct)
              let copy = endpoint.reference("trade/copy:v1")
              try await docker.run("tag", direct, copy)
              let pushed = try await docker.run("push", copy).text
              #expect(pushed.contains(": Pushed\n"), "\(pushed)")
              try await docker.run("system", "prune", "--all", "--force")
              try await docker.run("pull", copy)
            }
          }
        }
      }
    }

    @Test(
      "uploads in chunks, ranges and the addresses of answers", arguments: ReverseProxy.allCases,
      ["--http1.1", "--http2"])
    func requests(_ proxy: ReverseProxy, version: String) async throws {
      try Tool.require(.curl)
      try await withProxy(proxy) { endpoint, registry in
        let curl = Curl(endpoint: endpoint, flags: [version])
        #expect(try await curl.expect(200, "GET", "/v2/").version == (version == "--http2" ? "2" : "1.1"))
        var generator = SeededGenerator(seed: 42)
        let blob = generator.data(3_000_000)

        // Each answer says where the upload goes on.
        var location = try await curl.startUpload("trade/api")
        let half = 1_500_000
        let patched = try await curl.expect(
          202, "PATCH", location,
          headers: ["Content-Range": "0-\(half - 1)", "Content-Type": "application/octet-stream"],
          body: blob.prefix(half))
        #expect(patched["Range"] == "0-\(half - 1)")
        location = try #require(patched["Location"])
        // Of a length that is not said before.
        let chunked = version == "--http1.1" ? ["Transfer-Encoding": "chunked"] : ["Content-Length": ""]
        let last = try await curl.expect(
          202, "PATCH", location,
          headers: chunked.merging(["Content-Type": "application/octet-stream"]) { $1 },
          body: Data(blob.dropFirst(half)))
        location = try #require(last["Location"])
        let stored = try await curl.expect(201, "PUT", Curl.url(location, adding: "digest=\(sha256(blob))"))
        let place = try #require(stored["Location"])

        let head = try await curl.expect(200, "HEAD", place)
        #expect(head["Content-Length"] == "\(blob.count)" && head["Docker-Content-Digest"] == sha256(blob))
        let range = try await curl.expect(206, "GET", place, headers: ["Range": "bytes=1000-4999"])
        #expect(range.body == blob[1000..<5000] && range["Content-Range"] == "bytes 1000-4999/\(blob.count)")

        let configuration = Data("{}".utf8)
        try await curl.pushBlob("trade/api", configuration)
        let manifest = try OCILayout.Manifest(
          mediaType: OCILayout.MediaType.manifest,
          config: OCILayout.Descriptor(configuration, mediaType: OCILayout.MediaType.config),
          layers: [OCILayout.Descriptor(blob, mediaType: OCILayout.MediaType.layer)]
        ).encoded()
        for tag in ["v1", "v2"] { try await curl.pushManifest("trade/api", tag, manifest) }
        let page = try await curl.expect(200, "GET", "/v2/trade/api/tags/list?n=1")
        let header = try #require(page["Link"])
        let link = try #require(header.firstMatch(of: #/<([^>]+)>; rel="?next"?/#)?.1)
        let next = try await curl.expect(200, "GET", String(link)).json(TagList.self)
        #expect(next.tags == ["v2"])

        // Addresses that are whole have the name and the port by which the client came, and TLS.
        let discovery = try await curl.expect(200, "GET", "/trade/api?ac-discovery=1")
        let text = String(decoding: discovery.body, as: UTF8.self)
        #expect(text.contains("https://\(endpoint.hostAndPort)/aci/") && !text.contains("http://"), "\(text)")

        try await curl.expect(404, "GET", "/metrics")
        try await Curl(endpoint: registry.endpoint).expect(200, "GET", "/metrics")
        // The client's address, and not the proxy's, nor what a client says of itself.
        try await curl.expect(200, "GET", "/v2/_catalog?n=7", headers: ["X-Forwarded-For": "198.51.100.7"])
        try await registry.daemon.waitFor("the line of the access log") {
          $0.log.contains(" \(endpoint.host) GET /v2/_catalog?n=7 200 ") ? true : nil
        }
      }
    }
  }
}
