import Foundation
import Testing

extension ConformanceTests {
  /// Section "Listing Referrers": end-12. What is listed for each kind of content is in `DataSetConformance`.
  @Suite("listing referrers")
  struct ReferrersConformance {
    private func list(
      _ digest: String, _ repository: TestRepository, query: String = ""
    ) async throws -> [ContentDescriptor] {
      let answer = try await repository.expect(200, "GET", repository.referrers(digest) + query)
      return try self.descriptors(of: answer)
    }

    /// The descriptors of an answer, which must be an index.
    private func descriptors(of answer: PlainHTTP.Response) throws -> [ContentDescriptor] {
      #expect(answer["content-type"] == MediaType.index)
      let list = try answer.json(ReferrersList.self)
      #expect(list.schemaVersion == 2)
      #expect(list.mediaType == MediaType.index)
      return list.manifests
    }

    private func push(_ goods: Goods, to repository: TestRepository) async throws {
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests { try await repository.push(manifest, tags: goods.tags(of: manifest)) }
    }

    /// "If a query results in no matching referrers, an empty manifest list MUST be returned", and never a
    /// 404.
    @Test("none: an empty index, also in a repository that does not exist", arguments: HashAlgorithm.allCases)
    func none(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let missing = algorithm.digest(Data("missing".utf8))
      #expect(try await list(missing, repository) == [])
      let image = try await repository.pushImage(algorithm: algorithm)
      #expect(try await list(missing, repository) == [])
      #expect(try await list(image.digest, repository) == [])
    }

    @Test("a malformed digest: 400", arguments: ["sha256:baddigeststring", "sha256:", "latest", "md5:00"])
    func malformedDigest(_ digest: String) async throws {
      let repository = try TestRepository()
      try await repository.pushImage()
      try await repository.expect(400, "GET", repository.referrers(digest), code: .digestInvalid)
    }

    /// Section "Push": a manifest and its referrers may come in either order.
    @Test("what came before its subject is listed, before and after", arguments: HashAlgorithm.allCases)
    func subjectComesLater(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let image = try Goods.image(algorithm: algorithm)
      let subject = image.manifests[0]
      var goods = Goods()
      try goods.addArtifact(MediaType.bill, subject: subject.descriptor)
      try await push(goods, to: repository)
      #expect(try await list(subject.digest, repository) == goods.referrers[subject.digest])
      try await push(image, to: repository)
      #expect(try await list(subject.digest, repository) == goods.referrers[subject.digest])
    }

    @Test("what was pushed twice, by tag and by digest, is listed once")
    func pushedTwice() async throws {
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      var goods = Goods()
      try goods.addArtifact(MediaType.bill, subject: subject.descriptor, tag: "bill")
      for _ in 0..<2 { try await push(goods, to: repository) }
      try await repository.push(goods.manifests[0], as: "again")
      #expect(try await list(subject.digest, repository) == goods.referrers[subject.digest])
    }

    @Test("a deleted one is not listed; one whose tag was deleted is")
    func deleted() async throws {
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      var goods = Goods()
      try goods.addArtifact(MediaType.bill, subject: subject.descriptor, tag: "bill")
      try goods.addArtifact(MediaType.seal, subject: subject.descriptor, tag: "seal")
      try await push(goods, to: repository)
      let expected = try #require(goods.referrers[subject.digest])
      try await repository.expect(202, "DELETE", repository.manifest("bill"))
      #expect(try await list(subject.digest, repository).count == 2)
      try await repository.expect(202, "DELETE", repository.manifest(expected[0].digest))
      #expect(try await list(subject.digest, repository) == [expected[1]])
      // What refers to a manifest outlives it.
      try await repository.expect(202, "DELETE", repository.manifest(subject.digest))
      #expect(try await list(subject.digest, repository) == [expected[1]])
    }

    /// "Each descriptor is of an image manifest or index in the same namespace."
    @Test("those of another repository are not listed")
    func otherRepository() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      var goods = try Goods.image()
      let subject = goods.manifests[0]
      try await push(goods, to: repository)
      try goods.addArtifact(MediaType.bill, subject: subject.descriptor)
      try await push(goods, to: other)
      #expect(try await list(subject.digest, repository) == [])
      #expect(try await list(subject.digest, other) == goods.referrers[subject.digest])
    }

    @Test("filtered by a type that nothing has: an empty index, and OCI-Filters-Applied")
    func filteredToNothing() async throws {
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      var goods = Goods()
      try goods.addArtifact(MediaType.bill, subject: subject.descriptor)
      try await push(goods, to: repository)
      for type in [MediaType.seal, String(MediaType.bill.dropLast()), "%"] {
        let answer = try await repository.expect(
          200, "GET", repository.referrers(subject.digest) + "?artifactType=" + type.queryEncoded)
        #expect(try descriptors(of: answer) == [])
        #expect(answer["oci-filters-applied"] == "artifactType")
      }
      let all = try await repository.expect(200, "GET", repository.referrers(subject.digest))
      #expect(all["oci-filters-applied"] == nil)
    }

    @Test("filtered by a type with characters that a query escapes")
    func escapedFilter() async throws {
      let type = "application/spdx+json; v=\"2 & 3\""
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      var goods = Goods()
      try goods.addArtifact(type, subject: subject.descriptor)
      try goods.addArtifact(MediaType.seal, subject: subject.descriptor)
      try await push(goods, to: repository)
      let expected = try #require(goods.referrers[subject.digest]).filter { $0.artifactType == type }
      let found = try await list(subject.digest, repository, query: "?artifactType=" + type.queryEncoded)
      #expect(found == expected)
    }

    /// "A Link header MUST be included in the response when the descriptor list cannot be returned in a
    /// single manifest": here their annotations alone have eight megabytes.
    @Test("more than one answer may hold: Link leads to each of them once", arguments: [nil, MediaType.bill])
    func pages(_ filter: String?) async throws {
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      var goods = Goods()
      for number in 0..<20 {
        let annotations = ["org.example.text": String(repeating: "A", count: 400_000), "number": "\(number)"]
        try goods.addArtifact(
          number % 2 == 0 ? MediaType.bill : MediaType.seal, subject: subject.descriptor, layers: [],
          annotations: annotations)
      }
      try await repository.push(blob: .emptyJSON())
      for manifest in goods.manifests { try await repository.push(manifest) }
      let expected = try #require(goods.referrers[subject.digest])
        .filter { filter == nil || $0.artifactType == filter }

      var found: [ContentDescriptor] = []
      var pages = 0
      var next: String? = repository.referrers(subject.digest) + (filter.map { "?artifactType=\($0)" } ?? "")
      while let path = next {
        let answer = try await repository.expect(200, "GET", path)
        #expect(answer.body.count <= 4 << 20)
        #expect(answer["oci-filters-applied"] == filter.map { _ in "artifactType" })
        found += try descriptors(of: answer)
        next = try answer.nextPage()
        pages += 1
        try #require(pages <= expected.count)
      }
      #expect(pages > 1)
      #expect(found.map(\.digest).sorted() == expected.map(\.digest).sorted())
      #expect(found.inOrder == expected.inOrder)
    }

    @Test("pushed by many clients at once, all of them are listed")
    func concurrentPushes() async throws {
      let repository = try TestRepository()
      let subject = try await repository.pushImage()
      try await repository.push(blob: .emptyJSON())
      var goods = Goods()
      for number in 0..<50 {
        try goods.addArtifact(
          MediaType.bill, subject: subject.descriptor, layers: [], annotations: ["number": "\(number)"])
      }
      let manifests = goods.manifests
      try await withThrowingTaskGroup(of: Void.self) { group in
        for manifest in manifests { group.addTask { try await repository.push(manifest) } }
        try await group.waitForAll()
      }
      let expected = try #require(goods.referrers[subject.digest])
      let found = try await list(subject.digest, repository)
      #expect(found.inOrder == expected.inOrder)
    }
  }
}
