import Foundation
import Testing

extension EndToEndTests {
  /// The distribution API request by request, as regctl and ORAS use it, with curl.
  @Suite("the API with curl", .serialized)
  struct CurlTests {
    private typealias MediaType = OCILayout.MediaType
    private let repository = "trade/api"

    /// `count` bytes that no compression shortens, the same for equal seeds.
    private func bytes(_ count: Int, seed: UInt64) -> Data {
      var generator = SeededGenerator(seed: seed)
      return generator.data(count)
    }

    /// Pushes an artifact of one small blob and returns its manifest's descriptor.
    @discardableResult
    private func pushArtifact(
      _ curl: Curl, _ reference: String? = nil, type: String, content: Data,
      subject: OCILayout.Descriptor? = nil
    ) async throws -> (descriptor: OCILayout.Descriptor, answer: Curl.Response) {
      var configuration = try await curl.pushBlob(repository, Data("{}".utf8))
      configuration.mediaType = MediaType.empty
      let layer = try await curl.pushBlob(repository, content)
      let manifest = try OCILayout.Manifest(
        mediaType: MediaType.manifest, artifactType: type, config: configuration, layers: [layer],
        subject: subject
      ).encoded()
      var descriptor = OCILayout.Descriptor(manifest, mediaType: MediaType.manifest)
      descriptor.artifactType = type
      let answer = try await curl.pushManifest(repository, reference ?? descriptor.digest, manifest)
      return (descriptor, answer)
    }

    @Test("a blob in one request, and in two", arguments: Transport.allCases)
    func monolithicPush(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        let first = bytes(300_000, seed: 1)
        let single = try await curl.expect(
          201, "POST", "/v2/\(repository)/blobs/uploads/?digest=\(sha256(first))", body: first)
        #expect(single["Docker-Content-Digest"] == sha256(first))
        let location = try #require(single["Location"])
        #expect(try await curl.send("GET", location).body == first)

        let second = bytes(2_000_000, seed: 2)
        try await curl.pushBlob(repository, second)
        let head = try await curl.expect(200, "HEAD", "/v2/\(repository)/blobs/\(sha256(second))")
        #expect(head["Content-Length"] == "\(second.count)")
        let pulled = try await curl.expect(200, "GET", "/v2/\(repository)/blobs/\(sha256(second))")
        #expect(pulled.body == second)

        // Bytes that are not what the digest says are refused and leave nothing.
        let wrong = try await curl.expect(
          400, "PUT",
          Curl.url(try await curl.startUpload(repository), adding: "digest=\(sha256(Data("x".utf8)))"),
          body: first)
        #expect(wrong.errorCodes == ["DIGEST_INVALID"])
        try await curl.expect(404, "GET", "/v2/\(repository)/blobs/\(sha256(Data("x".utf8)))")
      }
    }

    @Test("a chunked push goes on after its connection broke")
    func chunkedPushResumes() async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(.http) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        let raw = PlainHTTP(kontor.endpoint)
        let blob = bytes(3_000_000, seed: 3)
        let part = 1_000_000
        var location = try await curl.startUpload(repository)
        let first = try await curl.expect(
          202, "PATCH", location, headers: ["Content-Range": "0-\(part - 1)"], body: blob.prefix(part))
        #expect(first["Range"] == "0-\(part - 1)")
        location = try #require(first["Location"])

        // A chunk out of order: refused, and the right place is told.
        let wrong = try await curl.expect(
          416, "PATCH", location, headers: ["Content-Range": "5-14"], body: blob.prefix(10))
        #expect(wrong["Range"] == "0-\(part - 1)")

        // The second chunk breaks off after a third of it.
        await #expect(throws: PlainHTTP.Broken.self) {
          try await raw.send(
            "PATCH", raw.path(of: location),
            headers: [
              "Content-Range": "\(part)-\(2 * part - 1)", "Content-Type": "application/octet-stream",
            ],
            body: Data(blob.dropFirst(part).prefix(part)), sentBytes: part / 3)
        }

        // A client that comes back asks how far the server is and sends the rest. The server may still be
        // noticing the break, so an answer that has become old is asked for once more.
        var sent: Curl.Response?
        for _ in 1...20 where sent?.status != 202 {
          let status = try await curl.expect(204, "GET", location)
          let range = try #require(status["Range"])
          let next = try #require(range.split(separator: "-").last.flatMap { Int($0) }) + 1
          #expect(next >= part && next <= part + part / 3)
          sent = try await curl.send(
            "PATCH", try #require(status["Location"]),
            headers: ["Content-Range": "\(next)-\(blob.count - 1)"], body: Data(blob.dropFirst(next)))
        }
        let finished = try #require(sent)
        try #require(finished.status == 202, "\(String(decoding: finished.body, as: UTF8.self))")
        location = try #require(finished["Location"])
        try await curl.expect(201, "PUT", Curl.url(location, adding: "digest=\(sha256(blob))"))
        let pulled = try await curl.expect(200, "GET", "/v2/\(repository)/blobs/\(sha256(blob))")
        #expect(sha256(pulled.body) == sha256(blob))

        // A cancelled session is gone.
        let cancelled = try await curl.startUpload(repository)
        try await curl.expect(204, "DELETE", cancelled)
        let unknown = try await curl.expect(404, "GET", cancelled)
        #expect(unknown.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
      }
    }

    @Test("content named by SHA-512", arguments: Transport.allCases)
    func sha512Content(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        let blob = bytes(500_000, seed: 4)
        let location = try await curl.startUpload(repository, query: "?digest-algorithm=sha512")
        try await curl.expect(201, "PUT", Curl.url(location, adding: "digest=\(sha512(blob))"), body: blob)
        let pulled = try await curl.expect(200, "GET", "/v2/\(repository)/blobs/\(sha512(blob))")
        #expect(pulled.body == blob)
        #expect(pulled["Docker-Content-Digest"] == sha512(blob))

        var layer = OCILayout.Descriptor(blob, mediaType: MediaType.layer)
        layer.digest = sha512(blob)
        var configuration = try await curl.pushBlob(repository, Data("{}".utf8))
        configuration.mediaType = MediaType.empty
        let manifest = try OCILayout.Manifest(
          mediaType: MediaType.manifest, artifactType: "application/x.long-hash", config: configuration,
          layers: [layer]
        ).encoded()
        let pushed = try await curl.pushManifest(repository, sha512(manifest), manifest)
        #expect(pushed["Docker-Content-Digest"] == sha512(manifest))
        let found = try await curl.expect(200, "GET", "/v2/\(repository)/manifests/\(sha512(manifest))")
        #expect(found.body == manifest)
      }
    }

    @Test("referrers: listed, filtered, one deleted", arguments: Transport.allCases)
    func referrers(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        let subject = try await pushArtifact(
          curl, "v1", type: "application/x.goods", content: Data("goods".utf8)
        ).descriptor
        var artifacts: [OCILayout.Descriptor] = []
        for type in ["application/x.signature", "application/x.bill-of-lading"] {
          let (descriptor, answer) = try await pushArtifact(
            curl, type: type, content: Data(type.utf8), subject: subject)
          #expect(answer["OCI-Subject"] == subject.digest)
          artifacts.append(descriptor)
        }

        func listed(_ query: String = "") async throws -> (digests: Set<String>, answer: Curl.Response) {
          let answer = try await curl.expect(
            200, "GET", "/v2/\(repository)/referrers/\(subject.digest)\(query)")
          #expect(answer["Content-Type"] == MediaType.index)
          let index = try answer.json(OCILayout.Manifest.self)
          for descriptor in index.manifests ?? [] {
            let pushed = artifacts.first { $0.digest == descriptor.digest }
            #expect(descriptor.artifactType == pushed?.artifactType)
            #expect(descriptor.size == pushed?.size)
          }
          return (Set((index.manifests ?? []).map(\.digest)), answer)
        }
        #expect(try await listed().digests == Set(artifacts.map(\.digest)))
        let filtered = try await listed("?artifactType=application/x.signature")
        #expect(filtered.digests == [artifacts[0].digest])
        #expect(filtered.answer["OCI-Filters-Applied"] == "artifactType")

        try await curl.expect(202, "DELETE", "/v2/\(repository)/manifests/\(artifacts[0].digest)")
        #expect(try await listed().digests == [artifacts[1].digest])

        // Nothing refers to this one; the answer is an empty list and no error.
        let nothing = try await curl.expect(200, "GET", "/v2/\(repository)/referrers/\(artifacts[1].digest)")
        #expect(try nothing.json(OCILayout.Manifest.self).manifests == [])
      }
    }

    @Test(
      "several tags with one push, then deletions of a tag, a manifest and a blob",
      arguments: Transport.allCases)
    func tagsAndDeletions(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let curl = Curl(endpoint: kontor.endpoint)
        let content = Data("cargo".utf8)
        let first = try await pushArtifact(curl, "v1", type: "application/x.goods", content: content)
          .descriptor
        let bytes = try await curl.expect(200, "GET", "/v2/\(repository)/manifests/\(first.digest)").body
        let pushed = try await curl.pushManifest(
          repository, "\(first.digest)?tag=v2&tag=latest", bytes)
        #expect(
          Set(pushed.all("OCI-Tag").flatMap { $0.split(separator: ",") }.map { $0.trimmingPrefix(" ") })
            == ["v2", "latest"])

        struct TagList: Decodable {
          var name: String
          var tags: [String]
        }
        let tags = try await curl.expect(200, "GET", "/v2/\(repository)/tags/list").json(TagList.self)
        #expect(tags.name == repository)
        #expect(tags.tags == ["latest", "v1", "v2"])
        let page = try await curl.expect(200, "GET", "/v2/\(repository)/tags/list?n=2")
        #expect(try page.json(TagList.self).tags == ["latest", "v1"])
        let link = try #require(page["Link"])
        let next = try #require(link.firstMatch(of: /<([^>]*)>;\s*rel="?next"?/)).1
        #expect(try await curl.expect(200, "GET", String(next)).json(TagList.self).tags == ["v2"])

        // A tag alone.
        try await curl.expect(202, "DELETE", "/v2/\(repository)/manifests/v2")
        try await curl.expect(404, "GET", "/v2/\(repository)/manifests/v2")
        try await curl.expect(200, "GET", "/v2/\(repository)/manifests/v1")
        // The manifest, and with it every tag that names it.
        try await curl.expect(202, "DELETE", "/v2/\(repository)/manifests/\(first.digest)")
        for reference in ["v1", "latest", first.digest] {
          try await curl.expect(404, "GET", "/v2/\(repository)/manifests/\(reference)")
        }
        let none = try await curl.expect(200, "GET", "/v2/\(repository)/tags/list").json(TagList.self)
        #expect(none.tags == [])
        // A blob.
        try await curl.expect(202, "DELETE", "/v2/\(repository)/blobs/\(sha256(content))")
        let gone = try await curl.expect(404, "GET", "/v2/\(repository)/blobs/\(sha256(content))")
        #expect(gone.errorCodes == ["BLOB_UNKNOWN"])
      }
    }

    @Test("a download that broke off goes on where it was", arguments: Transport.allCases)
    func downloadResumes(over transport: Transport) async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(transport) { kontor in
        let endpoint = kontor.endpoint
        let curl = Curl(endpoint: endpoint)
        let blob = bytes(4_000_000, seed: 5)
        try await curl.pushBlob(repository, blob)
        let path = "/v2/\(repository)/blobs/\(sha256(blob))"
        try await Scratch.withDirectory("download") { directory in
          let file = URL(filePath: "\(directory)/blob")
          try blob.prefix(1_234_567).write(to: file)
          let trust = endpoint.transport == .https ? ["--cacert", endpoint.authority.certificate] : []
          let run = try await Command(
            tool: .curl,
            arguments: trust + [
              "-sSf", "-C", "-", "-o", file.path, "-w", "%{http_code} %{size_download}", endpoint.url(path),
            ]
          ).run()
          #expect(run.text == "206 \(blob.count - 1_234_567)")
          #expect(sha256(try Data(contentsOf: file)) == sha256(blob))
        }
        let last = try await curl.expect(206, "GET", path, headers: ["Range": "bytes=-10"])
        #expect(last.body == blob.suffix(10))
        #expect(last["Content-Range"] == "bytes \(blob.count - 10)-\(blob.count - 1)/\(blob.count)")
        try await curl.expect(416, "GET", path, headers: ["Range": "bytes=\(blob.count)-"])
      }
    }

    @Test("HTTP/2 over TLS: push, pull, many requests on one connection")
    func http2() async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(.https) { kontor in
        let endpoint = kontor.endpoint
        let curl = Curl(endpoint: endpoint, flags: ["--http2"])
        let blob = bytes(5_000_000, seed: 6)
        try await curl.pushBlob(repository, blob)
        let pulled = try await curl.expect(200, "GET", "/v2/\(repository)/blobs/\(sha256(blob))")
        #expect(pulled.version == "2")
        #expect(pulled.body == blob)
        let artifact = try await pushArtifact(curl, "v1", type: "application/x.goods", content: blob)
          .descriptor
        let manifest = try await curl.expect(200, "GET", "/v2/\(repository)/manifests/v1")
        #expect(manifest.version == "2")
        #expect(sha256(manifest.body) == artifact.digest)

        // One curl, one connection, twenty streams.
        let url = endpoint.url("/v2/\(repository)/manifests/v1")
        let run = try await Command(
          tool: .curl,
          arguments: ["--http2", "--cacert", endpoint.authority.certificate, "-sSf", "--parallel"]
            + (1...20).flatMap { _ in [url, "-o", "/dev/null"] } + ["-w", "%{http_code}/%{http_version} "]
        ).run()
        #expect(run.text.split(separator: " ").map(String.init) == Array(repeating: "200/2", count: 20))

        // A client that knows no HTTP/2 gets HTTP/1.1 from the same port.
        let old = try await Curl(endpoint: endpoint, flags: ["--http1.1"]).expect(200, "GET", "/v2/")
        #expect(old.version == "1.1")
      }
    }

    @Test("without the private CA, a TLS client refuses the registry")
    func certificateIsChecked() async throws {
      try Tool.require(.curl)
      try await KontorProcess.with(.https) { kontor in
        let run = try await Command(tool: .curl, arguments: ["-sS", kontor.endpoint.url("/v2/")]).attempt()
        #expect(run.exit == .code(60), "curl ended with \(run.exit): \(run.errorText)")
      }
    }
  }
}
