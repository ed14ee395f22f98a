import Foundation
import Testing

extension EndToEndTests {
  /// Docker's daemon and client, as Debian has them.
  @Suite("Docker", .serialized)
  struct DockerTests {
    /// Runs `body` with a registry that Docker reaches by `transport`.
    ///
    /// Over TLS the registry has an address at which Docker checks certificates, and Docker is told of the authority. Before
    /// that, a pull must fail.
    private func withRegistry(
      over transport: Transport, _ body: (KontorProcess, DockerDaemon) async throws -> Void
    ) async throws {
      try await DockerDaemon.with { docker in
        guard transport == .https else {
          return try await KontorProcess.with(transport) { try await body($0, docker) }
        }
        let address = PrivateCA.documentationAddress
        try await LoopbackAddress.with(address) {
          try await KontorProcess.with(.init(transport: .https, host: address)) { kontor in
            let refused = try await docker.attempt("pull", kontor.endpoint.reference("trade/hello:v1"))
            #expect(refused.errorText.contains("x509"), "Docker took a certificate it had no reason to trust")
            try await DockerDaemon.trusting(kontor.endpoint) { try await body(kontor, docker) }
          }
        }
      }
    }

    @Test("pull, run, tag, push, pull by digest", arguments: Transport.allCases)
    func pullRunPush(over transport: Transport) async throws {
      try Tool.require(.docker, .dockerd, .skopeo)
      let images = try await TestImage.shared
      try await withRegistry(over: transport) { kontor, docker in
        let endpoint = kontor.endpoint
        let curl = Curl(endpoint: endpoint)
        for tag in [images.hello, images.second] {
          try await Command(
            tool: .skopeo,
            arguments: ["--insecure-policy", "copy"] + endpoint.trustFlags(side: "dest-")
              + [images.source(tag), endpoint.docker("trade/\(tag):v1")]
          ).run()
        }

        let hello = endpoint.reference("trade/hello:v1")
        try await docker.run("pull", hello)
        try await expectGreeting(docker, hello)

        // The image goes to another repository; its layer is known to be in the first.
        let copy = endpoint.reference("trade/copy:v1")
        try await docker.run("tag", hello, copy)
        let pushed = try await docker.run("push", copy).text
        #expect(pushed.contains("Mounted from trade/hello"), "no layer was mounted: \(pushed)")

        // What Docker says it pushed is what the registry has.
        let manifest = try await curl.expect(
          200, "GET", "/v2/trade/copy/manifests/v1",
          headers: ["Accept": "application/vnd.docker.distribution.manifest.v2+json"])
        #expect(manifest["Content-Type"] == "application/vnd.docker.distribution.manifest.v2+json")
        let digest = try #require(manifest["Docker-Content-Digest"])
        #expect(digest == sha256(manifest.body))
        #expect(pushed.contains(digest))

        // An image that shares all but one layer with what the repository holds.
        let second = endpoint.reference("trade/second:v1")
        try await docker.run("pull", second)
        try await docker.run("tag", second, endpoint.reference("trade/copy:v2"))
        let again = try await docker.run("push", endpoint.reference("trade/copy:v2")).text
        #expect(again.contains("Layer already exists"), "a layer was sent twice: \(again)")

        // By digest, with nothing left on Docker's side.
        try await docker.run("system", "prune", "--all", "--force")
        let byDigest = endpoint.reference("trade/copy@\(digest)")
        try await docker.run("pull", byDigest)
        try await expectGreeting(docker, byDigest)
      }
    }

    @Test("a multi-platform index gives each machine its image")
    func pullIndex() async throws {
      try Tool.require(.docker, .dockerd, .skopeo)
      let images = try await TestImage.shared
      try await withRegistry(over: .http) { kontor, docker in
        let endpoint = kontor.endpoint
        try await Command(
          tool: .skopeo,
          arguments: ["--insecure-policy", "copy", "--all"] + endpoint.trustFlags(side: "dest-")
            + [images.source(images.multi), endpoint.docker("trade/multi:v1")]
        ).run()
        let multi = endpoint.reference("trade/multi:v1")
        try await docker.run("pull", multi)
        try await expectGreeting(docker, multi)
        try await docker.run("pull", "--platform", "linux/s390x", multi)
        let architecture = try await docker.run("image", "inspect", "--format", "{{.Architecture}}", multi)
          .text
        #expect(architecture == "s390x\n")
      }
    }

    private func expectGreeting(
      _ docker: DockerDaemon, _ image: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let printed = try await docker.run("run", "--rm", "--network", "none", image).text
      let expected = try await TestImage.shared.greeting
      #expect(printed == expected + "\n", sourceLocation: sourceLocation)
    }
  }
}
