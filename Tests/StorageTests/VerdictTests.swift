import ContainerImage
import Testing

@testable import Storage

@Suite struct VerdictTests {
  private let allowed = StoredVerdict(refusal: nil, validUntil: nil)

  private func key(_ manifest: Digest, tag: String? = nil, revision: String = "r1") throws
    -> StoredVerdict.Key
  {
    StoredVerdict.Key(
      repository: app, manifest: manifest, tag: try tag.map { try Tag(parsing: $0[...]) }, revision: revision)
  }

  private func image(in store: ContentStore, _ seed: UInt8 = 1) async throws -> Digest {
    try await store.put(.image([try await store.push([seed])], tags: ["v\(seed)"]))
  }

  private func put(_ verdict: StoredVerdict, as key: StoredVerdict.Key, in store: ContentStore) async throws {
    let basis = try #require(try store.metadata.trustBasis(of: app))
    try await store.metadata.putVerdict(verdict, as: key, basis: basis)
  }

  @Test func itIsFoundByItsTagAndRevisionAlone() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      #expect(try store.metadata.verdict(key(manifest)) == nil)
      let refused = StoredVerdict(refusal: "no", validUntil: secondsSince1970() + 1000)
      try await put(allowed, as: key(manifest), in: store)
      try await put(refused, as: key(manifest, tag: "v1"), in: store)
      for _ in 0..<2 {
        #expect(try store.metadata.verdict(key(manifest)) == allowed)
        #expect(try store.metadata.verdict(key(manifest, tag: "v1")) == refused)
      }
      #expect(try store.metadata.verdict(key(manifest, tag: "v2")) == nil)
      #expect(try store.metadata.verdict(key(manifest, revision: "r2")) == nil)
      try await put(refused, as: key(manifest, revision: "r2"), in: store)
      #expect(try store.metadata.verdict(key(manifest)) == nil)
    }
  }

  @Test func itHoldsUntilItsTime() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      try await put(
        StoredVerdict(refusal: nil, validUntil: secondsSince1970() - 1), as: key(manifest), in: store)
      #expect(try store.metadata.verdict(key(manifest)) == nil)
    }
  }

  @Test func whateverChangesInItsRepositoryEndsIt() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      let second = try await image(in: store, 2)
      let changes: [() async throws -> Void] = [
        { _ = try await self.image(in: store, 3) },
        { _ = try await store.metadata.deleteTag(try Tag(parsing: "v2"), in: app) },
        { _ = try await store.metadata.deleteManifest(second, in: app) },
        {
          _ = try await store.metadata.putSignature(
            .init(name: "a", content: [1]), of: manifest, in: app, limit: 1)
        },
      ]
      for change in changes {
        try await put(allowed, as: key(manifest), in: store)
        #expect(try store.metadata.verdict(key(manifest)) == allowed)
        let basis = try store.metadata.trustBasis(of: app)
        try await change()
        #expect(try store.metadata.verdict(key(manifest)) == nil)
        // What was judged before is not recorded after.
        try await store.metadata.putVerdict(allowed, as: key(manifest), basis: try #require(basis))
        #expect(try store.metadata.verdict(key(manifest)) == nil)
      }
      _ = try await store.metadata.deleteManifest(manifest, in: app)
      #expect(try await store.count("SELECT count(*) FROM signature") == 0)
      #expect(try await store.count("SELECT count(*) FROM verdict") == 0)
    }
  }

  @Test func anotherRepositorysChangesAreNoneOfIts() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      try await put(allowed, as: key(manifest), in: store)
      _ = try await store.put(.image([try await store.push(content(5), to: other)]), in: other)
      #expect(try store.metadata.verdict(key(manifest)) == allowed)
    }
  }

  @Test func signaturesAreKeptUnderTheirNamesUpToALimit() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      func put(_ name: String, _ content: [UInt8]) async throws -> MetadataStore.PutSignature {
        try await store.metadata.putSignature(
          .init(name: name, content: content), of: manifest, in: app, limit: 2)
      }
      #expect(try await put("b", [1]) == .stored)
      #expect(try await put("b", [1]) == .known)
      #expect(try await put("b", [2]) == .taken)
      #expect(try await put("a", [2]) == .stored)
      #expect(try await put("c", [3]) == .tooMany)
      #expect(try store.metadata.signatures(of: manifest, in: app).map(\.name) == ["b", "a"])
      #expect(try store.metadata.signatures(of: manifest, in: other) == [])
      let unknown = try await store.metadata.putSignature(
        .init(name: "a", content: [1]), of: Digest(hashing: [9]), in: app, limit: 2)
      #expect(unknown == .manifestUnknown)
    }
  }

  @Test func indexesThatListAManifestAreFound() async throws {
    try await withStore { store in
      let manifest = try await image(in: store)
      let index = try await store.put(.index([manifest]))
      #expect(try store.metadata.indexes(listing: manifest, in: app).map(\.digest) == [index])
      #expect(try store.metadata.indexes(listing: index, in: app).isEmpty)
    }
  }
}
