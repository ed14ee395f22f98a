import ContainerImage
import NIOCore
import Testing

@testable import Storage

@Suite struct ManifestStoreTests {
  /// The digest is that of the bytes: nothing may format them anew.
  @Test func bytesAndTypeAreKeptExactlyAsPushed() async throws {
    try await withStore { store in
      let json = Array("{ \"manifests\":[],\n\t\"schemaVersion\": 2, \"x\": \"\\u00fc\" }\n\n".utf8)
      let digest = Digest(.sha512, hashing: json)
      try await store.put(
        NewManifest(
          digest: digest, manifest: Manifest(parsing: json, contentType: .dockerManifestList),
          content: ByteBuffer(bytes: json), tags: [], allowsMissingBlobs: false,
          allowsMissingManifests: false))
      let record = try #require(try store.metadata.manifest(.digest(digest), in: app))
      #expect(record.digest == digest)
      #expect(record.mediaType == .dockerManifestList)
      #expect(Array(record.content.readableBytesView) == json)
      #expect(try store.metadata.manifest(.digest(digest), in: other) == nil)
    }
  }

  @Test func aManifestWithMissingBlobsNamesThemAndLeavesNothingBehind() async throws {
    try await withStore { store in
      let here = try await store.push(content(10))
      let elsewhere = try await store.push(content(10, seed: 1), to: other)
      let nowhere = Digest(hashing: content(10, seed: 2))
      let new = try NewManifest.image([nowhere, here, elsewhere], tags: ["latest"])
      await #expect(throws: MissingReferences(digests: [nowhere, elsewhere])) { try await store.put(new) }
      #expect(try store.metadata.manifest(.digest(new.digest), in: app) == nil)
      #expect(try store.digest(of: "latest") == nil)

      let third = try RepositoryName(parsing: "third")
      await #expect(throws: MissingReferences.self) { try await store.put(new, in: third) }
      #expect(try !store.metadata.hasRepository(third))
      #expect(try store.metadata.totals().manifests == 0)
    }
  }

  @Test func anIndexNeedsItsManifestsInTheRepository() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let image = try await store.put(.image([blob]))
      try await store.put(.index([image]))
      // Elsewhere the same index has nothing to lead to.
      await #expect(throws: MissingReferences(digests: [image])) {
        try await store.put(.index([image]), in: other)
      }
      try await store.put(.index([image], allowsMissing: true), in: other)
    }
  }

  /// Build caches are indexes that list blobs: the index must keep them, too.
  @Test func anIndexKeepsTheBlobsItLists() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let index = try await store.put(.index([blob]))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0) == CollectionReport())
      #expect(try store.pull(blob) == content(10))
      #expect(try await store.metadata.deleteManifest(index, in: app))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).blobs == 1)
    }
  }

  /// A sparse manifest's blobs may come later: then it keeps them, and until then they are not there.
  @Test func aSparseManifestKeepsItsBlobsOnceTheyCome() async throws {
    try await withStore { store in
      let digest = Digest(hashing: content(10))
      let image = try await store.put(.image([digest], allowsMissing: true))
      #expect(try store.metadata.blob(digest, in: app) == nil)
      #expect(try store.metadata.totals().blobs == 0)
      #expect(try await store.scrub(rate: 0) == ScrubReport())
      await #expect(throws: MissingReferences.self) {
        try await store.put(.image([digest], tags: ["strict"]))
      }

      try await store.push(content(10))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0) == CollectionReport())
      #expect(try store.pull(digest) == content(10))
      #expect(try await store.metadata.deleteManifest(image, in: app))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).blobs == 1)
    }
  }

  @Test func aDeletedSparseManifestLeavesNothingBehind() async throws {
    try await withStore { store in
      let image = try await store.put(.image([Digest(hashing: content(10))], allowsMissing: true))
      #expect(try await store.metadata.deleteManifest(image, in: app))
      #expect(try await !store.metadata.deleteManifest(image, in: app))
      let rows = try await store.count(
        "SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM manifest_blob)")
      #expect(rows == 0)
    }
  }

  @Test func repositoriesWithAManifestAreListedInPages() async throws {
    try await withStore { store in
      let names = try ["a", "a-b", "a/b", "b", "secret", "z"].map { try RepositoryName(parsing: $0) }
      for name in names.shuffled() { try await store.put(.index([]), in: name) }
      // One that holds only a blob is none to show.
      try await store.push(content(10), to: RepositoryName(parsing: "blobs"))
      var found: [RepositoryName] = []
      while true {
        let page = try store.metadata.repositories(after: found.last?.description, limit: 2) {
          $0.description != "secret"
        }
        #expect(page.count <= 2)
        if page.isEmpty { break }
        found += page
      }
      #expect(found == names.filter { $0.description != "secret" })
      #expect(try store.metadata.repositories(after: nil, limit: 0) { _ in true } == [])
    }
  }
}
