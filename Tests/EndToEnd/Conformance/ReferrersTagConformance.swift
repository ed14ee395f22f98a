import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Referrers Tag Schema" and "Enabling the Referrers API": what clients push that know nothing of
  /// the referrers API.
  @Suite("the referrers tag")
  struct ReferrersTagConformance {
    private func tag(of digest: String) throws -> String {
      let parts = digest.split(separator: ":")
      return "\(parts[0].prefix(32))-\(parts[1].prefix(64))"
    }

    /// An image, what refers to it, and the list of that under the referrers tag.
    private func goods(_ algorithm: HashAlgorithm) throws -> (goods: Goods, subject: String, tag: String) {
      var goods = Goods()
      let image = try goods.addImage(algorithm: algorithm)
      let artifacts = try [MediaType.bill, MediaType.seal].map { type in
        var artifact = try goods.addArtifact(type, subject: image, annotations: ["org.example.type": type])
        artifact.artifactType = type
        return artifact
      }
      let tag = try tag(of: image.digest)
      try goods.addIndex(of: artifacts, tag: tag)
      return (goods, image.digest, tag)
    }

    private func push(_ goods: Goods, to repository: TestRepository) async throws {
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        try await repository.push(manifest)
        for tag in goods.tags(of: manifest) { try await repository.push(manifest, as: tag) }
      }
    }

    private func list(_ digest: String, _ repository: TestRepository) async throws -> [ContentDescriptor] {
      try await repository.expect(200, "GET", repository.referrers(digest)).json(ReferrersList.self).manifests
    }

    @Test("is a tag like any other, and what it lists is in the API once", arguments: HashAlgorithm.allCases)
    func listed(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let (goods, subject, tag) = try goods(algorithm)
      try await push(goods, to: repository)
      try await repository.expectPull(try #require(goods.manifests.last), as: tag)
      let tags = try await repository.expect(200, "GET", repository.tagList).json(TagList.self).tags
      #expect(tags == [tag])
      let expected = try #require(goods.referrers[subject])
      let found = try await list(subject, repository)
      #expect(found.inOrder == expected.inOrder)
    }

    @Test("deleted, it leaves what the API lists")
    func deleted() async throws {
      let repository = try TestRepository()
      let (goods, subject, tag) = try goods(.sha256)
      try await push(goods, to: repository)
      try await repository.expect(202, "DELETE", repository.manifest(tag))
      #expect(try await list(subject, repository).count == 2)
    }

    /// Only image manifests "that … have a valid `subject` field" count.
    @Test("a manifest in its list without a subject is in no list of the API")
    func withoutSubject() async throws {
      let repository = try TestRepository()
      var goods = Goods()
      let image = try goods.addImage()
      let artifact = try goods.addArtifact(MediaType.bill)
      try goods.addIndex(of: [artifact], tag: tag(of: image.digest))
      try await push(goods, to: repository)
      #expect(try await list(image.digest, repository) == [])
    }

    @Test("rewritten by a client that takes an entry out, it does not hide the entry from the API")
    func rewritten() async throws {
      let repository = try TestRepository()
      let (goods, subject, tag) = try goods(.sha256)
      try await push(goods, to: repository)
      let shorter = try ContentManifest(mediaType: MediaType.index, manifests: []).content()
      try await repository.push(shorter, as: tag)
      try await repository.expectPull(shorter, as: tag)
      #expect(try await list(subject, repository).count == 2)
    }
  }
}
