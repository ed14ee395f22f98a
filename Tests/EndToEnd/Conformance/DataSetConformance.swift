import Foundation
import Testing

extension ConformanceTests {
  /// Every API with every kind of content.
  @Suite("every kind of content")
  struct DataSetConformance {
    /// Pushes all blobs, and the manifests by their digests with their tags as parameters.
    private func push(_ goods: Goods, to repository: TestRepository) async throws {
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        try await repository.push(manifest, tags: goods.tags(of: manifest))
      }
    }

    private func pushed(_ data: DataSet) async throws -> (repository: TestRepository, goods: Goods) {
      let repository = try TestRepository()
      let goods = try data.goods()
      try await push(goods, to: repository)
      return (repository, goods)
    }

    /// Sections "Pushing Manifests" and "Pushing Manifests with Subject", end-7a.
    @Test(
      "pushed by digest: 201, a Location that gives the same bytes, OCI-Subject", arguments: DataSet.allCases)
    func pushByDigest(_ data: DataSet) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        let answer = try await repository.push(manifest)
        try await expectCreated(answer, manifest, goods, repository)
      }
    }

    /// Sections "Pushing Manifests" and "Pushing Manifests with Subject", end-7a. A tag names a manifest by
    /// SHA-256, so content that is named by SHA-512 is not asked for it.
    @Test(
      "pushed by tag: 201, a Location that gives the same bytes, OCI-Subject",
      arguments: DataSet.allCases.filter { $0 != .sha512 })
    func pushByTag(_ data: DataSet) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for (number, manifest) in goods.manifests.enumerated() {
        for tag in goods.tags(of: manifest) + ["number-\(number)"] {
          let answer = try await repository.push(manifest, as: tag)
          try await expectCreated(answer, manifest, goods, repository)
          try await repository.expectPull(manifest, as: tag)
        }
      }
    }

    private func expectCreated(
      _ answer: PlainHTTP.Response, _ manifest: Content, _ goods: Goods, _ repository: TestRepository
    ) async throws {
      #expect(answer["docker-content-digest"] == manifest.digest)
      let subject = goods.referrers.first { $0.value.contains { $0.digest == manifest.digest } }?.key
      #expect(answer["oci-subject"] == subject)
      let location = try #require(answer["location"])
      let found = try await repository.expect(200, "GET", location)
      #expect(found.body == manifest.bytes)
      #expect(found["content-type"] == manifest.mediaType)
    }

    /// Section "Pushing Manifests", end-7b.
    @Test("pushed by digest with two tags: OCI-Tag names both", arguments: DataSet.allCases)
    func pushWithTagParameters(_ data: DataSet) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for (number, manifest) in goods.manifests.enumerated() {
        let tags = ["number-\(number)", "Number_\(number).again"]
        let answer = try await repository.curl.pushManifest(
          repository.name, manifest.digest + "?tag=\(tags[0])&tag=\(tags[1])", manifest.bytes,
          mediaType: manifest.mediaType)
        #expect(answer.tags == tags.sorted())
        for tag in tags { try await repository.expectPull(manifest, as: tag) }
      }
    }

    /// Sections "Pulling manifests", "Pulling blobs" and "Checking if content exists in the registry", end-2,
    /// end-3.
    @Test(
      "pulled and asked for, by tag and by digest: the bytes, type, length and digest",
      arguments: DataSet.allCases)
    func pull(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      for (tag, digest) in goods.tags { try await repository.expectPull(goods.manifest(digest), as: tag) }
      for manifest in goods.manifests { try await repository.expectPull(manifest) }
      for blob in goods.blobs { try await repository.expectPull(blob: blob) }
    }

    /// Section "Listing Tags", end-8a.
    @Test("listed by its tags", arguments: DataSet.allCases)
    func listTags(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list == TagList(name: repository.name, tags: goods.tags.keys.sorted()))
    }

    /// Section "Listing Referrers", end-12a.
    @Test("listed among the referrers of its subject, and nowhere else", arguments: DataSet.allCases)
    func listReferrers(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      for subject in Set(goods.manifests.map(\.digest)).union(goods.referrers.keys) {
        let expected = goods.referrers[subject] ?? []
        let list = try await repository.expect(200, "GET", repository.referrers(subject)).json(
          ReferrersList.self)
        #expect(list.manifests.inOrder == expected.inOrder)
      }
    }

    /// Section "Listing Referrers", end-12b.
    @Test("listed among the referrers of its type", arguments: DataSet.allCases)
    func filterReferrers(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      for (subject, referrers) in goods.referrers {
        for type in Set(referrers.compactMap(\.artifactType)) {
          let answer = try await repository.expect(
            200, "GET", repository.referrers(subject) + "?artifactType=" + type.queryEncoded)
          #expect(answer["oci-filters-applied"] == "artifactType")
          let found = try answer.json(ReferrersList.self).manifests
          let expected = referrers.filter { $0.artifactType == type }
          #expect(found.inOrder == expected.inOrder)
        }
      }
    }

    /// Section "Deleting tags", end-9.
    @Test("a deleted tag is gone at once, and its manifest is not", arguments: DataSet.allCases)
    func deleteTags(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      for (tag, digest) in goods.tags {
        try await repository.expect(202, "DELETE", repository.manifest(tag))
        for method in ["GET", "HEAD"] {
          try await repository.expect(404, method, repository.manifest(tag), code: .manifestUnknown)
        }
        try await repository.expectPull(goods.manifest(digest))
      }
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list.tags == [])
    }

    /// Sections "Deleting Manifests" and "Deleting Blobs", end-9, end-10.
    @Test("deleted manifests, their tags and blobs are gone at once", arguments: DataSet.allCases)
    func deleteAll(_ data: DataSet) async throws {
      let (repository, goods) = try await pushed(data)
      for manifest in goods.manifests.reversed() {
        try await repository.expect(202, "DELETE", repository.manifest(manifest.digest))
        for reference in [manifest.digest] + goods.tags(of: manifest) {
          try await repository.expect(404, "GET", repository.manifest(reference), code: .manifestUnknown)
        }
      }
      for digest in Set(goods.blobs.map(\.digest)) {
        try await repository.expect(202, "DELETE", repository.blob(digest))
        try await repository.expect(404, "HEAD", repository.blob(digest))
      }
      for subject in goods.referrers.keys {
        let list = try await repository.expect(200, "GET", repository.referrers(subject)).json(
          ReferrersList.self)
        #expect(list.manifests == [])
      }
      // Nothing of what was deleted is in the way of pushing it again.
      try await push(goods, to: repository)
      for manifest in goods.manifests { try await repository.expectPull(manifest) }
    }
  }
}
