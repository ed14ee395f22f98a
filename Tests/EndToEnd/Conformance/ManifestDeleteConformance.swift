import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Deleting tags" and "Deleting Manifests": end-9.
  @Suite("deleting a manifest or a tag")
  struct ManifestDeleteConformance {
    @Test("a tag: the other tags and the manifest stay")
    func tag() async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage(tags: ["v1", "v1.0", "latest"])
      try await repository.expect(202, "DELETE", repository.manifest("v1.0"))
      try await repository.expect(404, "GET", repository.manifest("v1.0"), code: .manifestUnknown)
      try await repository.expect(404, "DELETE", repository.manifest("v1.0"), code: .manifestUnknown)
      for reference in ["v1", "latest", manifest.digest] {
        try await repository.expectPull(manifest, as: reference)
      }
    }

    @Test("a manifest: every tag that points to it goes too, and no other", arguments: HashAlgorithm.allCases)
    func manifest(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage(tags: ["v1", "v1.0"], algorithm: algorithm)
      let other = try await repository.pushImage(tags: ["latest"], algorithm: algorithm)
      try await repository.expect(202, "DELETE", repository.manifest(manifest.digest))
      for reference in ["v1", "v1.0", manifest.digest] {
        for method in ["GET", "HEAD", "DELETE"] {
          try await repository.expect(404, method, repository.manifest(reference), code: .manifestUnknown)
        }
      }
      try await repository.expectPull(other, as: "latest")
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list.tags == ["latest"])
    }

    @Test("a manifest's blobs stay, and those it shares with another are served")
    func blobsStay() async throws {
      let repository = try TestRepository()
      var goods = Goods()
      let layer = Content.random(500, MediaType.gzipLayer)
      try goods.addImage(layers: [layer], tag: "a")
      try goods.addImage(layers: [layer], tag: "b")
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests { try await repository.push(manifest, tags: goods.tags(of: manifest)) }
      try await repository.expect(202, "DELETE", repository.manifest(goods.manifests[0].digest))
      for blob in goods.blobs { try await repository.expectPull(blob: blob) }
    }

    @Test("an image of an index: the index stays as it is")
    func imageOfIndex() async throws {
      let repository = try TestRepository()
      var goods = Goods()
      try goods.addPlatforms(tag: "v1")
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests { try await repository.push(manifest, tags: goods.tags(of: manifest)) }
      try await repository.expect(202, "DELETE", repository.manifest(goods.manifests[0].digest))
      try await repository.expectPull(goods.manifests[1])
      try await repository.expectPull(goods.manifests[2], as: "v1")
    }

    @Test("one of two names of the same bytes: the other stays")
    func oneOfTwoDigests() async throws {
      let repository = try TestRepository()
      let short = try await repository.pushImage(tags: ["short"])
      let long = Content(short.bytes, short.mediaType, algorithm: .sha512)
      try await repository.push(long, tags: ["long"])
      try await repository.expectPull(long, as: "long")
      try await repository.expectPull(short, as: "short")
      try await repository.expect(202, "DELETE", repository.manifest(long.digest))
      try await repository.expect(404, "GET", repository.manifest("long"), code: .manifestUnknown)
      try await repository.expectPull(short, as: "short")
    }

    @Test("other repositories keep the same manifest")
    func otherRepositories() async throws {
      let repositories = try [TestRepository(), TestRepository()]
      let image = try Goods.image()
      for repository in repositories {
        for blob in image.blobs { try await repository.push(blob: blob) }
        try await repository.push(image.manifests[0], as: "v1")
      }
      try await repositories[0].expect(202, "DELETE", repositories[0].manifest(image.manifests[0].digest))
      try await repositories[1].expectPull(image.manifests[0], as: "v1")
    }

    @Test("what is not there: 404 MANIFEST_UNKNOWN")
    func missing() async throws {
      let repository = try TestRepository()
      try await repository.pushImage()
      for reference in ["v1", sha256(Data("missing".utf8)), sha512(Data("missing".utf8))] {
        try await repository.expect(404, "DELETE", repository.manifest(reference), code: .manifestUnknown)
      }
    }

    /// "If the repository does not exist, the response MUST return 404 Not Found."
    @Test("in a repository that does not exist: 404 NAME_UNKNOWN")
    func unknownRepository() async throws {
      let repository = try TestRepository()
      for reference in ["v1", sha256(Data())] {
        try await repository.expect(404, "DELETE", repository.manifest(reference), code: .nameUnknown)
      }
    }

    @Test("a malformed digest: 400 DIGEST_INVALID")
    func malformedDigest() async throws {
      let repository = try TestRepository()
      try await repository.pushImage()
      try await repository.expect(
        400, "DELETE", repository.manifest("sha256:baddigeststring"), code: .digestInvalid)
    }
  }
}
