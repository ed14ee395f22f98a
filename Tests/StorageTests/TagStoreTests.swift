import ContainerImage
import Testing

@testable import Storage

@Suite struct TagStoreTests {
  /// What `tag_history` has of a tag, oldest first; "-" for a deletion.
  private func history(of tag: String, in store: ContentStore) async throws -> [String] {
    let text = try await store.metadata.write("look") {
      try $0.text(
        """
        SELECT group_concat(coalesce(digest, '-'), ' ')
        FROM (SELECT digest FROM tag_history WHERE repository = ? AND tag = ? ORDER BY id)
        """, [app.description, tag])
    }
    return (text ?? "").split(separator: " ").map(String.init)
  }

  @Test func everyMoveOfATagIsRecordedOnce() async throws {
    try await withStore { store in
      let blob = try await store.push(content(10))
      let one = try await store.put(.image([blob], tags: ["latest", "v1"]))
      #expect(try store.digest(of: "latest") == one)
      // The same again moves nothing.
      try await store.put(.image([blob], tags: ["latest"]))
      let two = try await store.put(.image([blob, blob], tags: ["latest"]))
      #expect(try store.digest(of: "latest") == two)
      #expect(try store.digest(of: "v1") == one)
      #expect(try await store.metadata.deleteTag(Tag(parsing: "latest"), in: app))
      #expect(try await !store.metadata.deleteTag(Tag(parsing: "latest"), in: app))
      #expect(try store.digest(of: "latest") == nil)
      try await store.put(.image([blob], tags: ["latest"]))

      let expected = ["\(one)", "\(two)", "-", "\(one)"]
      #expect(try await history(of: "latest", in: store) == expected)
      #expect(try await history(of: "v1", in: store) == ["\(one)"])
    }
  }

  @Test func aDeletedManifestTakesItsTagsAlongAndTheirHistorySaysSo() async throws {
    try await withStore { store in
      let one = try await store.put(.index([], tags: ["a", "b"]))
      let blob = try await store.push(content(10))
      let two = try await store.put(.image([blob], tags: ["c"]))
      #expect(try await store.metadata.deleteManifest(one, in: app))
      #expect(try store.metadata.tags(in: app, after: nil, limit: 10)?.map(\.description) == ["c"])
      #expect(try store.digest(of: "c") == two)
      #expect(try await history(of: "a", in: store) == ["\(one)", "-"])
      #expect(try await history(of: "b", in: store) == ["\(one)", "-"])
    }
  }

  @Test func tagsAreListedInTheOrderOfTheirBytesInPages() async throws {
    try await withStore { store in
      let sorted = ["1", "10", "2", "B", "_", "a", "a-1", "a.1", "b"]
      try await store.put(.index([], tags: sorted.shuffled()))
      var found: [String] = []
      while true {
        let page = try #require(try store.metadata.tags(in: app, after: found.last, limit: 4))
        #expect(page.count <= 4)
        if page.isEmpty { break }
        found += page.map(\.description)
      }
      #expect(found == sorted)
      // The mark need not be a tag.
      #expect(try store.metadata.tags(in: app, after: "A", limit: 1)?.map(\.description) == ["B"])
      #expect(try store.metadata.tags(in: app, after: "zzz", limit: 10) == [])
      #expect(
        try store.metadata.tags(in: app, after: "a' OR '1'='1", limit: 1)?.map(\.description) == ["a-1"])
      #expect(try store.metadata.tags(in: other, after: nil, limit: 10) == nil)
    }
  }

  /// Many pushers of one tag: it ends at one of the manifests, and its history has every move in order.
  @Test func aTagThatManyMoveAtOnceIsWhereItsHistoryEnds() async throws {
    try await withStore { store in
      let blobs = [try await store.push(content(10)), try await store.push(content(10, seed: 1))]
      let images = try (1...10).map {
        try NewManifest.image(Array(repeating: blobs[$0 % 2], count: $0), tags: ["t"])
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for image in images { group.addTask { try await store.put(image) } }
        try await group.waitForAll()
      }
      let moves = try await history(of: "t", in: store)
      #expect(Set(moves) == Set(images.map(\.digest.description)))
      #expect(moves.count == 10)
      #expect(try store.digest(of: "t")?.description == moves.last)
    }
  }
}
