import Foundation
import Testing

extension ConformanceTests {
  /// Section "Pushing Manifests": end-7.
  @Suite("pushing a manifest")
  struct ManifestPushConformance {
    /// An image whose blobs are in the repository.
    private func preparedImage(
      _ repository: TestRepository, algorithm: HashAlgorithm = .sha256
    ) async throws -> Content {
      let image = try Goods.image(algorithm: algorithm)
      for blob in image.blobs { try await repository.push(blob: blob) }
      return image.manifests[0]
    }

    @Test("a tag moves, and the manifest it left stays")
    func moveTag() async throws {
      let repository = try TestRepository()
      let first = try await preparedImage(repository)
      let second = try await preparedImage(repository)
      for manifest in [first, second, first, second] {
        try await repository.push(manifest, as: "latest")
        try await repository.expectPull(manifest, as: "latest")
      }
      try await repository.expectPull(first)
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list.tags == ["latest"])
    }

    @Test("the same manifest again: 201", arguments: HashAlgorithm.allCases)
    func pushAgain(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository, algorithm: algorithm)
      for _ in 0..<2 {
        let answer = try await repository.push(manifest)
        #expect(answer["docker-content-digest"] == manifest.digest)
        try await repository.expectPull(manifest)
      }
    }

    /// The registry must store the exact bytes, whatever they look like.
    @Test("white space, order and escapes stay as they are")
    func exactBytes() async throws {
      let repository = try TestRepository()
      let config = Content.emptyJSON()
      try await repository.push(blob: config)
      let text = """
        \t{ "layers" : [ ],  "annotations":{"b":"\\u00e9\\/","a":"é"}, "config": {"size":2,
          "digest":"\(config.digest)",\r\n"mediaType":"\(MediaType.empty)"},
        "mediaType":"\(MediaType.manifest)","schemaVersion":2 , "unknown":[null,true,{"x":-1e9}]}\n\n
        """
      let manifest = Content(Data(text.utf8), MediaType.manifest)
      try await repository.push(manifest, as: "v1")
      try await repository.expectPull(manifest, as: "v1")
      try await repository.expectPull(manifest)
    }

    /// "The registry SHOULD ignore parameters on the Content-Type header."
    @Test(
      "parameters of the Content-Type are ignored",
      arguments: ["; charset=utf-8", ";charset=utf-8", " ; a=b; c=\"d;e\""])
    func contentTypeParameters(_ parameters: String) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      try await repository.expect(
        201, "PUT", repository.manifest("v1"), headers: ["Content-Type": MediaType.manifest + parameters],
        body: manifest.bytes)
      try await repository.expectPull(manifest, as: "v1")
    }

    @Test("without a Content-Type, the manifest's own mediaType counts")
    func noContentType() async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      try await repository.expect(201, "PUT", repository.manifest("v1"), body: manifest.bytes)
      try await repository.expectPull(manifest, as: "v1")
    }

    /// As the Go clients send what they read from a stream.
    @Test("a body of unknown length is taken", arguments: [DataSet.image, .largeManifest, .index])
    func streamed(_ data: DataSet) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        let answer = try await repository.stream(
          "PUT", repository.manifest(manifest.digest), manifest.bytes, type: manifest.mediaType)
        #expect(answer.status == 201)
        try await repository.expectPull(manifest)
      }
    }

    /// "SHOULD support pushing at least 10 tags per request."
    @Test("fifty tags with one push: each is there, and OCI-Tag names it", arguments: HashAlgorithm.allCases)
    func manyTags(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository, algorithm: algorithm)
      let tags = (1...50).map { "release-\($0)" }
      let answer = try await repository.curl.pushManifest(
        repository.name, manifest.digest + "?" + tags.map { "tag=\($0)" }.joined(separator: "&"),
        manifest.bytes)
      #expect(answer.tags == tags.sorted())
      for tag in tags { try await repository.expectPull(manifest, as: tag) }
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list.tags == tags.sorted())
    }

    /// "MAY return a 414 status if too many tags are included."
    @Test("far too many tags: 414 or 431, and none of them is there")
    func tooManyTags() async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      let query = (1...5000).map { "tag=release-\($0)" }.joined(separator: "&")
      let answer = try await repository.http.send(
        "PUT", repository.manifest(manifest.digest) + "?" + query,
        headers: ["Content-Type": manifest.mediaType],
        body: manifest.bytes)
      #expect([414, 431].contains(answer.status))
      try await repository.expect(404, "HEAD", repository.manifest("release-1"))
    }

    @Test(
      "one malformed tag among the parameters: 400, and none of them is there",
      arguments: ["", "-x", "a b", "é"])
    func malformedTagParameter(_ tag: String) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      try await repository.expect(
        400, "PUT", repository.manifest(manifest.digest) + "?tag=good&tag=\(tag.queryEncoded)",
        headers: ["Content-Type": manifest.mediaType], body: manifest.bytes)
      for reference in ["good", manifest.digest] {
        try await repository.expect(404, "HEAD", repository.manifest(reference))
      }
    }

    /// Section "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    @Test(
      "tags as long and as odd as they may be",
      arguments: [
        "_", "0", "A", "a.b-c_d", "__--..", String(repeating: "x", count: 128), "sha256", "uploads", "list",
      ])
    func oddTags(_ tag: String) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      try await repository.push(manifest, as: tag)
      try await repository.expectPull(manifest, as: tag)
    }

    @Test(
      "a reference that is neither tag nor digest: 400",
      arguments: [
        "-x", ".x", "a+b", "a b", String(repeating: "x", count: 129), "sha256:baddigeststring", "sha256:",
        "a:b",
      ])
    func malformedReference(_ reference: String) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository)
      try await repository.expect(
        400, "PUT", repository.manifest(reference.replacing(" ", with: "%20")),
        headers: ["Content-Type": manifest.mediaType], body: manifest.bytes)
    }

    @Test("other bytes than the digest says: 400, and nothing is there", arguments: HashAlgorithm.allCases)
    func wrongDigest(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let manifest = try await preparedImage(repository, algorithm: algorithm)
      let sent = Content(manifest.bytes + Data("  ".utf8), manifest.mediaType, algorithm: algorithm)
      try await repository.expect(
        400, "PUT", repository.manifest(manifest.digest) + "?tag=v1",
        headers: ["Content-Type": manifest.mediaType],
        body: sent.bytes, code: .digestInvalid)
      for reference in [manifest.digest, sent.digest, "v1"] {
        try await repository.expect(404, "HEAD", repository.manifest(reference))
      }
    }

    /// "SHOULD expect to be able to support manifest pushes of at least 4 megabytes", and 413 above the
    /// limit.
    @Test("four megabytes are taken, and much more is 413")
    func size() async throws {
      let repository = try TestRepository()
      let config = Content.emptyJSON()
      try await repository.push(blob: config)
      func manifest(of size: Int) throws -> Content {
        var manifest = ContentManifest(
          mediaType: MediaType.manifest, config: config.descriptor, layers: [], annotations: ["a": ""])
        let bare = try manifest.content().bytes.count
        manifest.annotations = ["a": String(repeating: "x", count: size - bare)]
        return try manifest.content()
      }
      let large = try manifest(of: 4_000_000)
      try await repository.push(large, as: "large")
      try await repository.expectPull(large, as: "large")
      let huge = try manifest(of: 32 << 20)
      let answer = try await repository.http.send(
        "PUT", repository.manifest("huge"), headers: ["Content-Type": huge.mediaType], body: huge.bytes)
      #expect(answer.status == 413)
      try await repository.expect(404, "HEAD", repository.manifest("huge"))
    }

    @Test("a hundred pushes at once to one repository: every tag is right")
    func concurrentPushes() async throws {
      let repository = try TestRepository()
      let config = Content.emptyJSON()
      try await repository.push(blob: config)
      let manifests = try (0..<100).map { number in
        try ContentManifest(
          mediaType: MediaType.manifest, config: config.descriptor, layers: [],
          annotations: ["number": "\(number)"]
        ).content()
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, manifest) in manifests.enumerated() {
          group.addTask { try await repository.push(manifest, as: "number-\(number)") }
        }
        try await group.waitForAll()
      }
      for (number, manifest) in manifests.enumerated() {
        try await repository.expectPull(manifest, as: "number-\(number)")
      }
    }
  }
}
