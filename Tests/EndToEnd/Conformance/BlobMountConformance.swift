import Foundation
import Testing

extension ConformanceTests {
  /// Section "Mounting a blob from another repository": end-11.
  @Suite("mounting a blob")
  struct BlobMountConformance {
    private func mount(
      _ digest: String, from source: String?, to target: TestRepository, gives status: Int
    ) async throws -> PlainHTTP.Response {
      let from = source.map { "&from=\($0.queryEncoded)" } ?? ""
      return try await target.expect(status, "POST", "\(target.uploads)?mount=\(digest.queryEncoded)\(from)")
    }

    private func expectMounted(
      _ blob: Content, _ answer: PlainHTTP.Response, _ target: TestRepository
    ) async throws {
      #expect(answer["docker-content-digest"] == blob.digest)
      let location = try #require(answer["location"])
      let found = try await target.expect(200, "GET", location)
      #expect(found.body == blob.bytes)
      try await target.expectPull(blob: blob)
    }

    @Test("from the repository that has it", arguments: HashAlgorithm.allCases)
    func fromSource(_ algorithm: HashAlgorithm) async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512, algorithm: algorithm)
      try await source.push(blob: blob)
      try await target.expect(404, "GET", target.blob(blob.digest))
      let answer = try await mount(blob.digest, from: source.name, to: target, gives: 201)
      try await expectMounted(blob, answer, target)
    }

    /// The registry may treat `from` as optional.
    @Test("from wherever it is", arguments: HashAlgorithm.allCases)
    func fromAnywhere(_ algorithm: HashAlgorithm) async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512, algorithm: algorithm)
      try await source.push(blob: blob)
      let answer = try await mount(blob.digest, from: nil, to: target, gives: 201)
      try await expectMounted(blob, answer, target)
    }

    @Test("that the repository has already")
    func fromItself() async throws {
      let repository = try TestRepository()
      let blob = Content.random(512)
      try await repository.push(blob: blob)
      let answer = try await mount(blob.digest, from: repository.name, to: repository, gives: 201)
      try await expectMounted(blob, answer, repository)
    }

    /// 202 means that an upload session has begun.
    @Test(
      "that is not in the source gives 202 and a session to upload it", arguments: HashAlgorithm.allCases,
      [true, false])
    func missing(_ algorithm: HashAlgorithm, _ namesSource: Bool) async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512, algorithm: algorithm)
      try await source.push(blob: .random(10))
      let answer = try await mount(blob.digest, from: namesSource ? source.name : nil, to: target, gives: 202)
      let location = try #require(answer["location"])
      let stored = try await target.expect(
        201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"), headers: .octets, body: blob.bytes)
      try await expectMounted(blob, stored, target)
    }

    @Test("from a source that does not exist gives 202")
    func unknownSource() async throws {
      let elsewhere = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512)
      try await elsewhere.push(blob: blob)
      _ = try await mount(blob.digest, from: "conformance/of-nobody", to: target, gives: 202)
      try await target.expect(404, "GET", target.blob(blob.digest))
    }

    @Test("outlives its deletion in the source")
    func deletedInSource() async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512)
      try await source.push(blob: blob)
      let answer = try await mount(blob.digest, from: source.name, to: target, gives: 201)
      try await source.expect(202, "DELETE", source.blob(blob.digest))
      try await source.expect(404, "GET", source.blob(blob.digest), code: .blobUnknown)
      try await expectMounted(blob, answer, target)
    }

    /// A blob that was deleted everywhere is nowhere to mount from, though its bytes may still be there.
    @Test("that was deleted in the source gives 202")
    func deletedBefore() async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let blob = Content.random(512)
      try await source.push(blob: blob)
      try await source.expect(202, "DELETE", source.blob(blob.digest))
      for source in [source.name, nil] {
        _ = try await mount(blob.digest, from: source, to: target, gives: 202)
      }
      try await target.expect(404, "HEAD", target.blob(blob.digest))
    }

    @Test("serves an image whose blobs were never uploaded to its repository")
    func mountedImage() async throws {
      let source = try TestRepository()
      let target = try TestRepository()
      let image = try Goods.image()
      for blob in image.blobs {
        try await source.push(blob: blob)
        _ = try await mount(blob.digest, from: source.name, to: target, gives: 201)
      }
      for manifest in image.manifests {
        try await target.push(manifest, as: "v1")
        try await target.expectPull(manifest, as: "v1")
      }
    }

    /// Section "Pushing blobs": 400 for an invalid digest.
    @Test("by a malformed digest is refused", arguments: ["", "sha256:baddigeststring", "md5:00"])
    func malformedDigest(_ digest: String) async throws {
      let target = try TestRepository()
      let answer = try await mount(digest, from: target.name, to: target, gives: 400)
      answer.expectErrorDocument(.digestInvalid, digest, #_sourceLocation)
    }

    @Test("from a malformed name is refused", arguments: ["", "UPPER", "a//b", "../a"])
    func malformedSource(_ name: String) async throws {
      let target = try TestRepository()
      let answer = try await mount(Content.random(10).digest, from: name, to: target, gives: 400)
      answer.expectErrorDocument(.nameInvalid, name, #_sourceLocation)
    }
  }
}
