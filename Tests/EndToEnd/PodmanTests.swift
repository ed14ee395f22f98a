import Foundation
import Testing

extension EndToEndTests {
  /// podman, with its storage in a directory of the test's own.
  @Suite("podman", .serialized)
  struct PodmanTests {
    @Test("pull, push elsewhere, pull that", arguments: Transport.allCases)
    func pullAndPush(over transport: Transport) async throws {
      try Tool.require(.podman, .skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        try await Command(
          tool: .skopeo,
          arguments: ["--insecure-policy", "copy"] + endpoint.trustFlags(side: "dest-")
            + [images.source(images.hello), endpoint.docker("trade/hello:v1")]
        ).run()
        try await Podman.with { podman in
          let hello = endpoint.reference("trade/hello:v1")
          try await podman.run(["pull"] + endpoint.trustFlags() + [hello])
          let configuration = try images.layout.manifest(sha256(images.manifestBytes(images.hello))).config
          let inspected = try await podman.run(["image", "inspect", "--format", "{{.Id}}", hello])
          #expect("sha256:" + inspected.text.trimmingCharacters(in: .newlines) == configuration?.digest)

          let copy = endpoint.reference("trade/copy:v1")
          try await podman.run(["push"] + endpoint.trustFlags() + [hello, copy])
          try await podman.run(["rmi", "--all", "--force"])
          try await podman.run(["pull"] + endpoint.trustFlags() + [copy])
          let again = try await podman.run(["image", "inspect", "--format", "{{.Id}}", copy])
          #expect(again.text == inspected.text)
        }
      }
    }

    @Test("a manifest list made by podman", arguments: Transport.allCases)
    func manifestList(over transport: Transport) async throws {
      try Tool.require(.podman)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        try await Podman.with { podman in
          try await podman.run(["manifest", "create", "list"])
          for tag in [images.hello, "other-platform"] {
            try await podman.run(["manifest", "add", "list", images.source(tag)])
          }
          try await podman.run(
            ["manifest", "push", "--all"] + endpoint.trustFlags() + [
              "list", endpoint.docker("trade/list:v1"),
            ])
        }
        let curl = Curl(endpoint: endpoint)
        let list = try await curl.expect(
          200, "GET", "/v2/trade/list/manifests/v1",
          headers: [
            "Accept":
              "\(OCILayout.MediaType.index), application/vnd.docker.distribution.manifest.list.v2+json"
          ])
        let manifests = try #require(try list.json(OCILayout.Manifest.self).manifests)
        #expect(manifests.count == 2)
        for manifest in manifests {
          let found = try await curl.expect(
            200, "GET", "/v2/trade/list/manifests/\(manifest.digest)", headers: ["Accept": manifest.mediaType]
          )
          #expect(sha256(found.body) == manifest.digest)
        }
      }
    }
  }
}
