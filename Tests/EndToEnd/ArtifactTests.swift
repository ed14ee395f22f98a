import Foundation
import Testing

extension EndToEndTests {
  /// What registries hold beside images: ORAS artifacts and Helm charts.
  @Suite("artifacts", .serialized)
  struct ArtifactTests {
    private typealias MediaType = OCILayout.MediaType

    /// Pushes a manifest of one configuration and one layer as `trade/artifact:v1`, pulls it with curl and with skopeo,
    /// and expects the same bytes each time.
    private func roundTrip(
      over transport: Transport, artifactType: String?, configuration: (Data, String), layer: (Data, String),
      annotations: [String: String]
    ) async throws {
      try Tool.require(.curl, .skopeo)
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        let curl = Curl(endpoint: endpoint)
        for blob in [configuration.0, layer.0] { try await curl.pushBlob("trade/artifact", blob) }
        let manifest = try OCILayout.Manifest(
          mediaType: MediaType.manifest, artifactType: artifactType,
          config: .init(configuration.0, mediaType: configuration.1),
          layers: [.init(layer.0, mediaType: layer.1)], annotations: annotations
        ).encoded()
        try await curl.pushManifest("trade/artifact", "v1", manifest)

        let pulled = try await curl.expect(
          200, "GET", "/v2/trade/artifact/manifests/v1", headers: ["Accept": MediaType.manifest])
        #expect(pulled.body == manifest)
        #expect(pulled["Content-Type"] == MediaType.manifest)
        for blob in [configuration.0, layer.0] {
          let found = try await curl.expect(200, "GET", "/v2/trade/artifact/blobs/\(sha256(blob))")
          #expect(found.body == blob)
        }

        // skopeo takes both there and elsewhere without looking into them.
        try await Scratch.withDirectory("pulled") { directory in
          let copies = [
            endpoint.trustFlags(side: "src-") + [
              endpoint.docker("trade/artifact:v1"), "dir:\(directory)/artifact",
            ],
            endpoint.trustFlags(side: "dest-") + [
              "dir:\(directory)/artifact", endpoint.docker("trade/copy:v1"),
            ],
          ]
          for copy in copies {
            try await Command(tool: .skopeo, arguments: ["--insecure-policy", "copy"] + copy).run()
          }
        }
        let copied = try await curl.expect(
          200, "GET", "/v2/trade/copy/manifests/v1", headers: ["Accept": MediaType.manifest])
        #expect(copied.body == manifest)
      }
    }

    @Test("an artifact as ORAS pushes it", arguments: Transport.allCases)
    func oras(over transport: Transport) async throws {
      try await roundTrip(
        over: transport, artifactType: "application/vnd.example.manifest.of.goods",
        configuration: (Data("{}".utf8), MediaType.empty),
        layer: (Data("pepper, cloth, wax\n".utf8), "text/plain"),
        annotations: ["org.opencontainers.image.created": "2025-01-01T00:00:00Z"])
    }

    @Test("a Helm chart", arguments: Transport.allCases)
    func helm(over transport: Transport) async throws {
      let chart =
        #"{"name":"kontor","version":"1.0.0","apiVersion":"v2","description":"A chart","type":"application"}"#
      try await Scratch.withDirectory("chart") { directory in
        try FileManager.default.createDirectory(
          atPath: "\(directory)/kontor", withIntermediateDirectories: true)
        try Data("apiVersion: v2\nname: kontor\nversion: 1.0.0\n".utf8)
          .write(to: URL(filePath: "\(directory)/kontor/Chart.yaml"))
        let archive = try await Tool.tar.run("-C", directory, "-cz", "kontor").standardOutput
        try await roundTrip(
          over: transport, artifactType: nil,
          configuration: (Data(chart.utf8), "application/vnd.cncf.helm.config.v1+json"),
          layer: (archive, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
          annotations: [
            "org.opencontainers.image.title": "kontor", "org.opencontainers.image.version": "1.0.0",
          ])
      }
    }
  }
}
