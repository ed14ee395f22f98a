import Foundation
import Testing

/// Debian's docker-registry behind a proxy that counts what is asked, and a registry of ours with rules that say what is brought from there
/// to here, or from here to there.
struct SyncServer: Sendable {
  let registry: DockerRegistryServer
  let proxy: PausingProxy
  let kontor: KontorProcess
  /// With the server's settings, so that it finds the rules.
  let client: KontorClient

  /// The name of docker-registry in the rules.
  static let namespace = "upstream.example"

  /// docker-registry, without the proxy.
  let upstream: PlainHTTP
  var here: PlainHTTP { PlainHTTP(kontor.endpoint) }

  /// The requests that came to docker-registry, such as `GET /v2/trade/hello/manifests/v1`.
  var requests: [String] { proxy.requestLines }

  func count(_ text: String) -> Int { requests.filter { $0.hasPrefix(text) }.count }

  /// - Parameters:
  ///   - rules: of the file, as a list in JSON.
  ///   - more: members of the registry's description, each with a comma at its end.
  ///   - others: further registries of the file, each with a comma at its end.
  ///   - upstreams: whether docker-registry is pulled through, too, below `mirror`.
  ///   - prepare: fills docker-registry.
  static func with(
    _ rules: String, _ more: String = "", others: String = "",
    access: DockerRegistryServer.Access = .everybody,
    upstreams: Bool = false, environment: [String: String] = [:],
    prepare: (PlainHTTP) async throws -> Void = { _ in },
    _ body: (SyncServer) async throws -> Void
  ) async throws {
    try await DockerRegistryServer.with(access) { registry in
      let endpoint = try await registry.endpoint
      try await prepare(PlainHTTP(endpoint))
      try await PausingProxy.with(to: endpoint, passing: .max) { proxy in
        try await KontorClient.with { client in
          let address = #""url": "http://\#(proxy.hostAndPort)""#
          let own = upstreams ? "" : #"{"name": "\#(namespace)", \#(more) \#(address)}"#
          let file = "\(client.home)/sync.json"
          try Data(#"{"registries": [\#(others) \#(own)], "rules": [\#(rules)]}"#.utf8).write(
            to: URL(filePath: file))
          var settings = environment.merging(["KONTOR_MIRROR_SYNC": file]) { $1 }
          if upstreams {
            let list = "\(client.home)/upstreams.json"
            try Data(
              #"{"upstreams": [{"namespace": "\#(namespace)", "prefix": "mirror", \#(more) \#(address)}]}"#
                .utf8
            ).write(to: URL(filePath: list))
            settings["KONTOR_MIRROR_UPSTREAMS"] = list
          }
          try await KontorProcess.with(.init(environment: settings)) { kontor in
            var client = client
            client.environment = settings
            client.environment["KONTOR_STORAGE_DATA"] = kontor.data
            try await body(
              SyncServer(
                registry: registry, proxy: proxy, kontor: kontor, client: client,
                upstream: PlainHTTP(endpoint)))
          }
        }
      }
    }
  }

  /// Runs a rule.
  func sync(_ rule: String, _ more: String...) async throws -> Report {
    let result = try await client.attempt(["sync", "--once", rule, "--format", "json"] + more)
    guard result.exit == .code(0) || result.exit == .code(1), !result.output.isEmpty else {
      throw KontorClient.Failure(arguments: ["sync", "--once", rule], result: result)
    }
    return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  struct Report: Decodable, Sendable {
    struct Entry: Decodable, Sendable {
      let action: String
      let source: String
      let target: String
      let digest: String?
      let failure: String?
    }

    let checked: Int
    let copied: Int
    let deleted: Int
    let failed: Int
    let blobs: Int
    let bytes: Int
    let failure: String?
    let entries: [Entry]
    let notes: [String]
  }
}

extension DockerRegistryServer {
  var endpoint: Endpoint {
    get async throws {
      let parts = hostAndPort.split(separator: ":")
      return Endpoint(
        transport: .http, host: String(parts[0]), port: try #require(Int(parts[1])),
        authority: try await PrivateCA.shared)
    }
  }
}

/// Images of a few bytes, made for tests that need many.
struct TinyImage: Sendable {
  let manifest: Data
  let blobs: [Data]

  var digest: String { sha256(manifest) }

  /// - Parameters:
  ///   - number: no two images of different numbers have the same layer, but for the first.
  ///   - subject: a digest that it refers to.
  init(_ number: Int, architecture: String = "amd64", subject: (digest: String, size: Int)? = nil) throws {
    let config = Data(
      #"{"architecture":"\#(architecture)","os":"linux","number":\#(number),"rootfs":{"type":"layers","diff_ids":[]}}"#
        .utf8)
    let layers = [Data("the base of all".utf8), Data("layer \(number) for \(architecture)".utf8)]
    func descriptor(_ type: String, _ data: Data) -> String {
      #"{"mediaType":"application/vnd.oci.image.\#(type)","digest":"\#(sha256(data))","size":\#(data.count)}"#
    }
    let list = layers.map { descriptor("layer.v1.tar", $0) }.joined(separator: ",")
    let refers =
      subject.map {
        #","artifactType":"application/vnd.example.note","subject":{"mediaType":"\#(OCILayout.MediaType.manifest)","digest":"\#($0.digest)","size":\#($0.size)}"#
      } ?? ""
    manifest = Data(
      #"{"schemaVersion":2,"mediaType":"\#(OCILayout.MediaType.manifest)","config":\#(descriptor("config.v1+json", config)),"layers":[\#(list)]\#(refers)}"#
        .utf8)
    blobs = [config] + layers
  }

  /// - Parameter tags: none to push it by its digest.
  func push(to repository: String, _ tags: String..., at registry: PlainHTTP) async throws {
    for blob in blobs {
      let there = try await registry.send("HEAD", "/v2/\(repository)/blobs/\(sha256(blob))")
      if there.status != 200 { #expect(try await registry.pushBlob(repository, blob).status == 201) }
    }
    for tag in tags.isEmpty ? [digest] : tags {
      let answer = try await registry.pushManifest(repository, tag, manifest)
      #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
    }
  }
}
