import Foundation
import Testing

extension ConformanceTests {
  /// Manifests that are none (section "Error Codes", MANIFEST_INVALID), and those that refer to what is not
  /// there (section "Push", MANIFEST_BLOB_UNKNOWN).
  @Suite("a manifest that is refused")
  struct RefusedManifestConformance {
    /// A document that is no manifest, for whose text `CONFIG` stands for the descriptor of a config that is
    /// there.
    struct Document: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var text: String
      var contentType = MediaType.manifest
    }

    static let documents = [
      Document(testDescription: "nothing", text: ""),
      Document(testDescription: "no JSON", text: "a manifest of goods"),
      Document(
        testDescription: "JSON that breaks off", text: #"{"schemaVersion":2,"config":CONFIG,"layers":["#),
      Document(
        testDescription: "two JSON documents", text: #"{"schemaVersion":2,"config":CONFIG,"layers":[]}{}"#),
      Document(testDescription: "null", text: "null"),
      Document(testDescription: "a text", text: #""manifest""#),
      Document(testDescription: "an array", text: "[]"),
      Document(testDescription: "an empty object", text: "{}"),
      Document(testDescription: "no schemaVersion", text: #"{"config":CONFIG,"layers":[]}"#),
      Document(testDescription: "schemaVersion 1", text: #"{"schemaVersion":1,"config":CONFIG,"layers":[]}"#),
      Document(testDescription: "no config", text: #"{"schemaVersion":2,"layers":[]}"#),
      Document(testDescription: "no layers", text: #"{"schemaVersion":2,"config":CONFIG}"#),
      Document(
        testDescription: "layers of a wrong type", text: #"{"schemaVersion":2,"config":CONFIG,"layers":{}}"#),
      Document(
        testDescription: "a layer without a digest",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"text/plain","size":1}]}"#),
      Document(
        testDescription: "a layer with a malformed digest",
        text:
          #"{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"a/b","size":1,"digest":"sha256:x"}]}"#
      ),
      Document(
        testDescription: "a layer of a negative size",
        text:
          #"{"schemaVersion":2,"config":CONFIG,"layers":[{"mediaType":"a/b","size":-1,"digest":"DIGEST"}]}"#
      ),
      Document(
        testDescription: "a malformed subject",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[],"subject":{"digest":"x","size":1}}"#),
      Document(
        testDescription: "annotations that are no texts",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[],"annotations":{"a":1}}"#),
      Document(
        testDescription: "another mediaType than its Content-Type",
        text: #"{"schemaVersion":2,"mediaType":"\#(MediaType.index)","config":CONFIG,"layers":[]}"#),
      Document(
        testDescription: "an image and an index in one",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[],"manifests":[]}"#),
      Document(
        testDescription: "an index and an image in one",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[],"manifests":[]}"#, contentType: MediaType.index
      ),
      Document(
        testDescription: "an index without manifests", text: #"{"schemaVersion":2}"#,
        contentType: MediaType.index),
      Document(
        testDescription: "a Content-Type of no manifest",
        text: #"{"schemaVersion":2,"config":CONFIG,"layers":[]}"#,
        contentType: "text/plain"),
      Document(
        testDescription: "a Docker manifest of schema 1",
        text: #"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#,
        contentType: "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ]

    @Test("is no manifest: 400 MANIFEST_INVALID, and nothing is there", arguments: documents)
    func invalid(_ document: Document) async throws {
      let repository = try TestRepository()
      let config = Content.emptyJSON()
      try await repository.push(blob: config)
      let descriptor = String(decoding: try JSONEncoder().encode(config.descriptor), as: UTF8.self)
      let text = document.text.replacing("CONFIG", with: descriptor).replacing("DIGEST", with: config.digest)
      let content = Content(Data(text.utf8), document.contentType)
      for reference in ["v1", content.digest] {
        try await repository.expect(
          400, "PUT", repository.manifest(reference), headers: ["Content-Type": content.mediaType],
          body: content.bytes, code: .manifestInvalid)
        try await repository.expect(404, "GET", repository.manifest(reference), code: .manifestUnknown)
      }
    }

    /// "It MUST result in one or more MANIFEST_BLOB_UNKNOWN errors": here in one for each, which names it.
    private func expectMissing(
      _ missing: [String], _ manifest: Content, _ repository: TestRepository,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      for reference in ["v1", manifest.digest] {
        let answer = try await repository.http.send(
          "PUT", repository.manifest(reference), headers: ["Content-Type": manifest.mediaType],
          body: manifest.bytes)
        #expect([400, 404].contains(answer.status), sourceLocation: sourceLocation)
        answer.expectErrorDocument(.manifestBlobUnknown, reference, sourceLocation)
        let named = try answer.json(ErrorDocument.self).errors.compactMap { $0.detail?["digest"] }
        #expect(named.sorted() == missing.sorted(), sourceLocation: sourceLocation)
        try await repository.expect(
          404, "HEAD", repository.manifest(reference), sourceLocation: sourceLocation)
      }
    }

    @Test("lacks a blob: MANIFEST_BLOB_UNKNOWN for it, and 201 once it is there", arguments: [0, 1])
    func missingBlob(_ number: Int) async throws {
      let repository = try TestRepository()
      let image = try Goods.image()
      let missing = image.blobs[number]
      for blob in image.blobs where blob.digest != missing.digest { try await repository.push(blob: blob) }
      try await expectMissing([missing.digest], image.manifests[0], repository)
      try await repository.push(blob: missing)
      try await repository.push(image.manifests[0], as: "v1")
    }

    @Test("lacks all its blobs: MANIFEST_BLOB_UNKNOWN for each", arguments: HashAlgorithm.allCases)
    func missingBlobs(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let image = try Goods.image(algorithm: algorithm)
      try await repository.push(blob: .random(10))
      try await expectMissing(image.blobs.map(\.digest), image.manifests[0], repository)
    }

    @Test("lacks the manifests of its platforms: MANIFEST_BLOB_UNKNOWN for each, and 201 once they are there")
    func missingManifests() async throws {
      let repository = try TestRepository()
      var goods = Goods()
      try goods.addPlatforms()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      let index = goods.manifests[2]
      try await expectMissing(goods.manifests.prefix(2).map(\.digest), index, repository)
      try await repository.push(goods.manifests[0])
      try await expectMissing([goods.manifests[1].digest], index, repository)
      try await repository.push(goods.manifests[1])
      try await repository.push(index, as: "v1")
    }

    @Test("has its blobs in another repository only: MANIFEST_BLOB_UNKNOWN")
    func blobsElsewhere() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      let image = try Goods.image()
      for blob in image.blobs { try await other.push(blob: blob) }
      try await repository.push(blob: .random(10))
      try await expectMissing(image.blobs.map(\.digest), image.manifests[0], repository)
    }

    @Test("lacks a deleted blob: MANIFEST_BLOB_UNKNOWN")
    func deletedBlob() async throws {
      let repository = try TestRepository()
      let image = try Goods.image()
      for blob in image.blobs { try await repository.push(blob: blob) }
      try await repository.expect(202, "DELETE", repository.blob(image.blobs[0].digest))
      try await expectMissing([image.blobs[0].digest], image.manifests[0], repository)
    }

    @Test("is refused without moving the tag that it was to have")
    func tagStays() async throws {
      let repository = try TestRepository()
      let good = try await repository.pushImage(tags: ["v1"])
      let bad = try Goods.image().manifests[0]
      for reference in ["v1", bad.digest + "?tag=v1"] {
        let answer = try await repository.http.send(
          "PUT", repository.manifest(reference), headers: ["Content-Type": bad.mediaType], body: bad.bytes)
        #expect([400, 404].contains(answer.status))
      }
      try await repository.expectPull(good, as: "v1")
    }
  }
}
