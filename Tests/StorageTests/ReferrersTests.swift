import ContainerImage
import Testing

@testable import Storage

@Suite struct ReferrersTests {
  private func page(
    _ store: ContentStore, of subject: Digest, type: String? = nil, after position: Int64 = 0,
    limit: Int = 100,
    byteLimit: Int = 1 << 20
  ) throws -> ReferrersPage {
    try store.metadata.referrers(
      of: subject, in: app, artifactType: type, after: position, limit: limit, byteLimit: byteLimit)
  }

  @Test func referrersAreDescribedAndFilteredByType() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let subject = try await store.put(.image([blob]))
      #expect(try page(store, of: subject) == ReferrersPage(descriptors: [], next: nil))

      let signature = try NewManifest.image(
        [blob], subject: subject, artifactType: "example/signature", annotations: #"{"k":"v \"ü\"/"}"#)
      let bill = try NewManifest.image([blob], subject: subject, artifactType: "example/sbom")
      let untyped = try NewManifest.image([blob, blob], subject: subject)
      for manifest in [signature, bill, untyped] { try await store.put(manifest) }
      // The same once more changes nothing.
      try await store.put(signature)

      let all = try page(store, of: subject)
      #expect(all.next == nil)
      #expect(all.descriptors.map(\.digest) == [signature.digest, bill.digest, untyped.digest])
      // Without a type of its own, the config's counts.
      #expect(
        all.descriptors.map(\.artifactType) == [
          "example/signature", "example/sbom", "application/octet-stream",
        ])
      #expect(all.descriptors.map(\.mediaType) == Array(repeating: .ociImageManifest, count: 3))
      #expect(
        all.descriptors.map(\.size) == [signature, bill, untyped].map { Int64($0.content.readableBytes) })
      #expect(all.descriptors[0].annotations == ["k": "v \"ü\"/"])
      #expect(all.descriptors[1].annotations == nil)

      #expect(try page(store, of: subject, type: "example/sbom").descriptors.map(\.digest) == [bill.digest])
      #expect(try page(store, of: subject, type: "example/none").descriptors == [])
      #expect(try page(store, of: bill.digest).descriptors == [])
    }
  }

  /// Signers may be faster than pushers, and a subject may go and come back.
  @Test func aReferrerMayComeBeforeItsSubjectAndOutliveIt() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let subject = try NewManifest.image([blob, blob])
      let referrer = try await store.put(.image([blob], subject: subject.digest))
      #expect(try page(store, of: subject.digest).descriptors.map(\.digest) == [referrer])
      try await store.put(subject)
      #expect(try page(store, of: subject.digest).descriptors.map(\.digest) == [referrer])
      #expect(try await store.metadata.deleteManifest(subject.digest, in: app))
      #expect(try page(store, of: subject.digest).descriptors.map(\.digest) == [referrer])
      #expect(try await store.metadata.deleteManifest(referrer, in: app))
      #expect(try page(store, of: subject.digest).descriptors == [])
    }
  }

  @Test func referrersOfOtherRepositoriesAreNotShown() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10), to: other)
      let subject = try await store.put(.image([blob]), in: other)
      try await store.put(.image([blob], subject: subject), in: other)
      try await store.push(content(10), to: app)
      try await store.put(.image([blob]), in: app)
      #expect(try page(store, of: subject).descriptors == [])
    }
  }

  /// Pages end at the number or at the bytes of annotations that were asked for, and lead on without a gap.
  @Test(arguments: [
    (1, 1 << 20, nil), (3, 1 << 20, nil), (7, 1 << 20, nil), (100, 1 << 20, nil), (100, 1, nil),
    (100, 250, nil),
    (2, 1 << 20, "example/even"), (100, 100, "example/even"),
  ])
  func pagesLeadOnWithoutAGap(limit: Int, byteLimit: Int, type: String?) async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let subject = Digest(hashing: content(20))
      var expected: [Digest] = []
      for number in 0..<7 {
        let kind = number.isMultiple(of: 2) ? "example/even" : "example/odd"
        let text = String(repeating: "x", count: 100)
        let digest = try await store.put(
          .image([blob], subject: subject, artifactType: kind, annotations: #"{"n":"\#(number)\#(text)"}"#))
        if type == nil || type == kind { expected.append(digest) }
      }
      var found: [Digest] = []
      var pages = 0
      var position: Int64? = 0
      while let start = position {
        let page = try page(store, of: subject, type: type, after: start, limit: limit, byteLimit: byteLimit)
        #expect((1...limit).contains(page.descriptors.count))
        found += page.descriptors.map(\.digest)
        position = page.next
        pages += 1
      }
      #expect(found == expected)
      let perPage = min(limit, (byteLimit + 109) / 110)
      #expect(pages == (expected.count + perPage - 1) / perPage)
    }
  }
}
