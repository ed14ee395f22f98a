import Foundation
import Testing

extension EndToEndTests {
  /// Skopeo, which stands for every client built on containers/image.
  @Suite("skopeo", .serialized)
  struct SkopeoTests {
    private func skopeo(_ arguments: [String]) async throws -> Command.Output {
      try await Command(tool: .skopeo, arguments: ["--insecure-policy"] + arguments).run()
    }

    private func push(_ tag: String, to reference: String, _ kontor: KontorProcess, all: Bool = false)
      async throws
    {
      let endpoint = kontor.endpoint
      _ = try await skopeo(
        ["copy"] + (all ? ["--all"] : []) + endpoint.trustFlags(side: "dest-")
          + [TestImage.shared.source(tag), endpoint.docker(reference)])
    }

    /// Copies an image from the registry into a new layout and returns the bytes of its manifest or index there.
    private func pull(
      _ reference: String, _ kontor: KontorProcess, into directory: String, all: Bool = false
    ) async throws -> Data {
      let endpoint = kontor.endpoint
      let layout = OCILayout(path: "\(directory)/\(UUID().uuidString)")
      _ = try await skopeo(
        ["copy"] + (all ? ["--all"] : []) + endpoint.trustFlags(side: "src-")
          + [endpoint.docker(reference), "oci:\(layout.path):pulled"])
      return try layout.blob(layout.descriptor(tag: "pulled").digest)
    }

    private func expectPull(
      _ reference: String, _ kontor: KontorProcess, into directory: String, all: Bool = false,
      gives expected: Data,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let pulled = try await pull(reference, kontor, into: directory, all: all)
      #expect(sha256(pulled) == sha256(expected), sourceLocation: sourceLocation)
    }

    @Test("push, inspect, list tags, pull by tag and by digest", arguments: Transport.allCases)
    func pushAndPull(over transport: Transport) async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        try await push(images.hello, to: "trade/hello:v1", kontor)
        try await push(images.second, to: "trade/hello:v2", kontor)

        let expected = try images.manifestBytes(images.hello)
        struct Inspection: Decodable {
          var digest: String
          var tags: [String]
          var layers: [String]

          enum CodingKeys: String, CodingKey {
            case digest = "Digest"
            case tags = "RepoTags"
            case layers = "Layers"
          }
        }
        let inspected = try await skopeo(
          ["inspect"] + endpoint.trustFlags() + [endpoint.docker("trade/hello:v1")])
        let inspection = try JSONDecoder().decode(Inspection.self, from: inspected.standardOutput)
        #expect(inspection.digest == sha256(expected))
        #expect(inspection.tags == ["v1", "v2"])
        let layers = try images.layout.manifest(sha256(expected)).layers
        #expect(inspection.layers == layers?.map(\.digest))

        struct TagList: Decodable {
          var tags: [String]
          enum CodingKeys: String, CodingKey { case tags = "Tags" }
        }
        let listed = try await skopeo(
          ["list-tags"] + endpoint.trustFlags() + [endpoint.docker("trade/hello")])
        let tags = try JSONDecoder().decode(TagList.self, from: listed.standardOutput).tags
        #expect(tags == ["v1", "v2"])

        try await Scratch.withDirectory("pulled") { directory in
          try await expectPull("trade/hello:v1", kontor, into: directory, gives: expected)
          try await expectPull("trade/hello@\(sha256(expected))", kontor, into: directory, gives: expected)
        }
      }
    }

    @Test("an index with two platforms keeps its bytes there and back", arguments: Transport.allCases)
    func multiPlatform(over transport: Transport) async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        try await push(images.multi, to: "trade/multi:v1", kontor, all: true)
        try await Scratch.withDirectory("pulled") { directory in
          let expected = try images.manifestBytes(images.multi)
          try await expectPull("trade/multi:v1", kontor, into: directory, all: true, gives: expected)
          // One platform of the index, chosen by the client.
          let ofThisMachine = try images.manifestBytes(images.hello)
          try await expectPull("trade/multi:v1", kontor, into: directory, gives: ofThisMachine)
        }
      }
    }

    @Test(
      "a copy to another repository mounts the blobs instead of sending them", arguments: Transport.allCases)
    func crossRepositoryCopy(over transport: Transport) async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        try await push(images.hello, to: "trade/source:v1", kontor)
        let copied = try await skopeo(
          ["--debug", "copy"] + endpoint.trustFlags(side: "src-") + endpoint.trustFlags(side: "dest-")
            + [endpoint.docker("trade/source:v1"), endpoint.docker("trade/target:v1")])
        let steps = copied.errorText
        // skopeo never mounts an image's configuration: that one blob is sent, and no layer.
        let mounted = steps.ranges(of: "mount OK").count
        let sent = steps.ranges(of: "\"PATCH ").count
        let layers = try images.layout.manifest(sha256(images.manifestBytes(images.hello))).layers
        #expect(mounted == layers?.count && sent == 1, "\(steps.suffix(3000))")
        try await Scratch.withDirectory("pulled") { directory in
          let expected = try images.manifestBytes(images.hello)
          try await expectPull("trade/target:v1", kontor, into: directory, gives: expected)
        }
      }
    }

    @Test("a deleted image is gone", arguments: Transport.allCases)
    func delete(over transport: Transport) async throws {
      try Tool.require(.skopeo)
      let images = try await TestImage.shared
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        try await push(images.hello, to: "trade/old:v1", kontor)
        _ = try await skopeo(["delete"] + endpoint.trustFlags() + [endpoint.docker("trade/old:v1")])

        let curl = Curl(endpoint: endpoint)
        let digest = sha256(try images.manifestBytes(images.hello))
        for reference in ["v1", digest] {
          let gone = try await curl.expect(404, "GET", "/v2/trade/old/manifests/\(reference)")
          #expect(gone.errorCodes == ["MANIFEST_UNKNOWN"])
        }
        let inspected = try await Command(
          tool: .skopeo, arguments: ["inspect"] + endpoint.trustFlags() + [endpoint.docker("trade/old:v1")]
        ).attempt()
        #expect(!inspected.succeeded)
      }
    }
  }
}
