import ContainerImage
import Testing

@testable import Storage

@Suite struct UsageTests {
  private static let prefixes = ["", "a", "a/b", "b", "a-b"]
  private static let names = ["a", "a/b", "a/b/c", "a/c", "b", "a-b", "a-b/c", "a0"].map {
    try! RepositoryName(parsing: $0)
  }

  /// What is counted anew is what was kept up to date, whatever was done.
  @Test(arguments: 0..<8) func countsAreKeptUpToDate(seed: Int) async throws {
    try await withStore { store in
      for prefix in Self.prefixes {
        #expect(try await store.metadata.usage(below: prefix) == .init(bytes: 0, tags: 0))
      }
      var numbers = content(600, seed: seed).makeIterator()
      func next(_ limit: Int) -> Int { Int(numbers.next() ?? 0) % limit }
      var blobs: [(Digest, RepositoryName)] = []
      var manifests: [(Digest, RepositoryName)] = []
      for _ in 0..<100 {
        let name = Self.names[next(Self.names.count)]
        switch next(8) {
        case 0, 1:
          blobs.append((try await store.push(content(10 + next(100), seed: next(6)), to: name), name))
        case 2:
          guard !blobs.isEmpty else { continue }
          let (digest, source) = blobs[next(blobs.count)]
          if try await store.metadata.mountBlob(digest, from: source, to: name) {
            blobs.append((digest, name))
          }
        case 3, 4:
          let new = try NewManifest.image(
            [Digest(hashing: [UInt8(next(4))])], tags: ["v\(next(3))"], allowsMissing: true)
          manifests.append((try await store.put(new, in: name), name))
        case 5:
          guard !manifests.isEmpty else { continue }
          let (digest, name) = manifests[next(manifests.count)]
          _ = try await store.metadata.deleteManifest(digest, in: name)
        case 6: _ = try await store.metadata.deleteTag(try Tag(parsing: "v\(next(3))"), in: name)
        default:
          if next(3) == 0 {
            _ = try await store.collect(grace: -1000, uploadExpiry: 0)
          } else if !blobs.isEmpty {
            let (digest, name) = blobs[next(blobs.count)]
            _ = try await store.metadata.unlinkBlob(digest, from: name)
          }
        }
        // Some rows go with what is taken away, and are not asked for at once.
        if next(2) == 0 {
          _ = try await store.metadata.usage(below: Self.prefixes[next(Self.prefixes.count)])
        }
      }
      for prefix in Self.prefixes {
        let kept = try await store.metadata.usage(below: prefix)
        try await store.change("DELETE FROM usage")
        #expect(try await store.metadata.usage(below: prefix) == kept, "\(prefix)")
        #expect(try store.metadata.knownUsage(below: prefix) == kept)
      }
    }
  }

  @Test func aBlobOfSeveralRepositoriesCountsOnce() async throws {
    try await withStore { store in
      let name = { try RepositoryName(parsing: $0 as String) }
      let digest = try await store.push(content(1000), to: name("team/a"))
      #expect(try await store.metadata.usage(below: "team").bytes == 1000)
      #expect(try await store.metadata.mountBlob(digest, from: name("team/a"), to: name("team/b")))
      try await store.push(content(1000), to: name("team/b"))
      #expect(try await store.metadata.usage(below: "team").bytes == 1000)
      #expect(try await store.metadata.usage(below: "team/b").bytes == 1000)
      try await store.push(content(1000), to: name("team-b"))
      #expect(try await store.metadata.usage(below: "team").bytes == 1000)
      #expect(try await store.metadata.usage(below: "").bytes == 1000)
      #expect(try await store.metadata.unlinkBlob(digest, from: name("team/a")) != nil)
      #expect(try await store.metadata.usage(below: "team").bytes == 1000)
      #expect(try await store.metadata.unlinkBlob(digest, from: name("team/b")) != nil)
      #expect(try await store.metadata.usage(below: "team").bytes == 0)
    }
  }

  @Test func nothingIsStoredBeyondALimit() async throws {
    try await withStore { store in
      let limit = StorageLimit(prefix: "library", kind: .bytes, most: 150)
      func push(_ bytes: [UInt8]) async throws {
        let session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
        try await session.append(.init(bytes: bytes))
        _ = try await session.finish(as: Digest(hashing: bytes), within: [limit])
      }
      try await push(content(100))
      let exceeded = StorageLimitExceeded(limit: limit, used: 100)
      await #expect(throws: exceeded) { try await push(content(51, seed: 1)) }
      #expect(store.blobFiles.count == 1 && store.uploadFiles.isEmpty)
      #expect(try await store.metadata.usage(below: "library").bytes == 100)
      // What is there may come again.
      try await push(content(100))
      try await push(content(50, seed: 1))
      let tags = StorageLimit(prefix: "library/app", kind: .tags, most: 2)
      func put(_ names: [String], _ number: UInt8 = 0) async throws {
        var new = try NewManifest.image([Digest(hashing: [number])], tags: names, allowsMissing: true)
        new.limits = [tags]
        try await store.put(new)
      }
      try await put(["a", "b"])
      await #expect(throws: StorageLimitExceeded(limit: tags, used: 2)) { try await put(["c"], 1) }
      // Nothing of it is there.
      #expect(try await store.count("SELECT count(*) FROM manifest") == 1)
      try await put(["a"], 1)
      #expect(try await store.metadata.deleteTag(Tag(parsing: "b"), in: app))
      try await put(["c"])
      #expect(try await store.metadata.usage(below: "library/app").tags == 2)
    }
  }
}
