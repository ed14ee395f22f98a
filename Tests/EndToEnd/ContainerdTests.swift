import Foundation
import Testing

extension EndToEndTests {
  /// containerd and its client `ctr`, as Kubernetes' nodes pull.
  @Suite("containerd", .serialized)
  struct ContainerdTests {
    /// The flags with which `ctr image pull` and `push` reach the registry; TLS needs a `hosts.toml` in `directory`.
    private func flags(_ endpoint: Endpoint, in directory: String) throws -> [String] {
      guard endpoint.transport == .https else { return ["--plain-http"] }
      let host = "\(directory)/\(endpoint.hostAndPort)"
      try FileManager.default.createDirectory(atPath: host, withIntermediateDirectories: true)
      let text = """
        server = "\(endpoint.url(""))"
        [host."\(endpoint.url(""))"]
          capabilities = ["pull", "resolve", "push"]
          ca = "\(endpoint.authority.certificate)"

        """
      try Data(text.utf8).write(to: URL(filePath: "\(host)/hosts.toml"))
      return ["--hosts-dir", directory]
    }

    @Test("pull, run, push, pull by digest", arguments: Transport.allCases)
    func pullRunPush(over transport: Transport) async throws {
      try Tool.require(.containerd, .ctr, .skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        for (tag, reference) in [(images.hello, "trade/hello:v1"), (images.multi, "trade/multi:v1")] {
          try await Command(
            tool: .skopeo,
            arguments: ["--insecure-policy", "copy", "--all"] + endpoint.trustFlags(side: "dest-")
              + [images.source(tag), endpoint.docker(reference)]
          ).run()
        }
        try await Scratch.withDirectory("hosts") { directory in
          let flags = try flags(endpoint, in: directory)
          try await ContainerdDaemon.with { containerd in
            let pull = ["image", "pull"] + flags + ["--snapshotter", "native"]
            let hello = endpoint.reference("trade/hello:v1")
            let multi = endpoint.reference("trade/multi:v1")
            for image in [hello, multi] {
              try await containerd.run(pull + [image])
              let printed = try await containerd.run([
                "run", "--rm", "--snapshotter", "native", image, "greeting",
              ])
              #expect(printed.text == images.greeting + "\n")
            }

            let digest = sha256(try images.manifestBytes(images.hello))
            let copy = endpoint.reference("trade/copy:v1")
            try await containerd.run(["image", "tag", hello, copy])
            try await containerd.run(["image", "push"] + flags + [copy])
            let there = try await Curl(endpoint: endpoint).expect(
              200, "GET", "/v2/trade/copy/manifests/v1", headers: ["Accept": OCILayout.MediaType.manifest])
            #expect(sha256(there.body) == digest)

            let byDigest = endpoint.reference("trade/copy@\(digest)")
            try await containerd.run(pull + [byDigest])
            let again = try await containerd.run([
              "run", "--rm", "--snapshotter", "native", byDigest, "again",
            ])
            #expect(again.text == images.greeting + "\n")
          }
        }
      }
    }
  }
}
