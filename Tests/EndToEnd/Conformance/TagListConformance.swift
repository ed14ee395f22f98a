import Foundation
import Testing

extension ConformanceTests {
  /// Section "Listing Tags": end-8.
  @Suite("listing tags")
  struct TagListConformance {
    /// The tags of the repository that the tables ask, as they were pushed.
    private static let pushed = ["v2", "V1", "_x", "v10", "a", "0", "v1-rc", "v1.0", "Z"]
    /// The order of their bytes, as Go's `sort.Strings` has it.
    private static let sorted = ["0", "V1", "Z", "_x", "a", "v1-rc", "v1.0", "v10", "v2"]

    /// Parameters of a request and the tags that it gives.
    struct Query: Sendable, CustomTestStringConvertible {
      var text: String
      var tags: [String]
      /// Whether a next page has to be offered.
      var hasMore = false

      var testDescription: String { text.isEmpty ? "no parameters" : text }
    }

    private func pushedRepository() async throws -> TestRepository {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage()
      for tag in Self.pushed { try await repository.push(manifest, as: tag) }
      return repository
    }

    private func list(_ query: String, _ repository: TestRepository) async throws -> PlainHTTP.Response {
      let answer = try await repository.expect(200, "GET", repository.tagList + query)
      #expect(answer["content-type"]?.hasPrefix("application/json") == true)
      let list = try answer.json(TagList.self)
      #expect(list.name == repository.name)
      return answer
    }

    /// Fewer than `n` come only when there are no more, or with a Link; `n=0` gives none and no Link; `last`
    /// need be no tag that is there.
    @Test(
      "n and last",
      arguments: [
        Query(text: "", tags: sorted),
        Query(text: "?n=0", tags: []),
        Query(text: "?n=1", tags: ["0"], hasMore: true),
        Query(text: "?n=4", tags: Array(sorted.prefix(4)), hasMore: true),
        Query(text: "?n=9", tags: sorted),
        Query(text: "?n=10", tags: sorted),
        Query(text: "?n=1000000", tags: sorted),
        Query(text: "?last=_x", tags: Array(sorted.dropFirst(4))),
        Query(text: "?last=v2", tags: []),
        Query(text: "?last=v1", tags: ["v1-rc", "v1.0", "v10", "v2"]),
        Query(text: "?last=zzz", tags: []),
        Query(text: "?last=", tags: sorted),
        Query(text: "?n=2&last=V1", tags: ["Z", "_x"], hasMore: true),
        Query(text: "?last=v1.0&n=2", tags: ["v10", "v2"]),
        Query(text: "?n=0&last=a", tags: []),
        Query(text: "?n=3&last=v10", tags: ["v2"]),
      ])
    func parameters(_ query: Query) async throws {
      let repository = try await pushedRepository()
      let answer = try await list(query.text, repository)
      #expect(try answer.json(TagList.self).tags == query.tags)
      #expect(try answer.nextPage() != nil || !query.hasMore)
      #expect(answer["link"] == nil || query.hasMore)
    }

    @Test("the pages that Link leads to have every tag once", arguments: [1, 2, 4, 8, 9])
    func pages(_ size: Int) async throws {
      let repository = try await pushedRepository()
      var tags: [String] = []
      var next: String? = "\(repository.tagList)?n=\(size)"
      while let path = next {
        let answer = try await repository.expect(200, "GET", path)
        let page = try answer.json(TagList.self).tags
        #expect(!page.isEmpty && page.count <= size)
        tags += page
        next = try answer.nextPage()
      }
      #expect(tags == Self.sorted)
    }

    @Test("a tag deleted between two pages does not stop the walk")
    func deletedMeanwhile() async throws {
      let repository = try await pushedRepository()
      let first = try await list("?n=3", repository)
      try await repository.expect(202, "DELETE", repository.manifest("Z"))
      let next = try #require(try first.nextPage())
      let second = try await repository.expect(200, "GET", next).json(TagList.self)
      #expect(second.tags == ["_x", "a", "v1-rc"])
    }

    @Test(
      "a parameter n that is no number of 0 or more: 400",
      arguments: ["-1", "x", "1.5", "99999999999999999999"])
    func malformedCount(_ count: String) async throws {
      let repository = try await pushedRepository()
      try await repository.expect(400, "GET", "\(repository.tagList)?n=\(count)")
    }

    @Test("manifests without tags: an empty list, not null")
    func noTags() async throws {
      let repository = try TestRepository()
      try await repository.pushImage()
      let answer = try await list("", repository)
      #expect(try answer.json(TagList.self).tags == [])
    }

    @Test("a repository that does not exist: 404 NAME_UNKNOWN")
    func unknownRepository() async throws {
      let repository = try TestRepository()
      try await repository.expect(404, "GET", repository.tagList, code: .nameUnknown)
    }

    @Test("a tag is listed once however often it moves, and only in its repository")
    func movedTag() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      for _ in 0..<3 { try await repository.pushImage(tags: ["latest"]) }
      try await other.pushImage(tags: ["other"])
      #expect(try await list("", repository).json(TagList.self).tags == ["latest"])
      #expect(try await list("", other).json(TagList.self).tags == ["other"])
    }

    @Test("three thousand tags come whole, with one answer or several")
    func manyTags() async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage()
      let expected = (0..<3000).map { "build-\($0)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      for start in stride(from: 0, to: expected.count, by: 50) {
        try await repository.push(manifest, tags: Array(expected[start..<start + 50]))
      }
      var tags: [String] = []
      var next: String? = repository.tagList
      while let path = next {
        let answer = try await repository.expect(200, "GET", path)
        tags += try answer.json(TagList.self).tags
        next = try answer.nextPage()
      }
      #expect(tags == expected)
    }
  }
}
