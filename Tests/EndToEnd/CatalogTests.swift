import Foundation
import Testing

extension EndToEndTests {
  /// What tells which repositories and extensions there are.
  @Suite("catalog and extensions", .serialized)
  struct CatalogTests {
    private struct Catalog: Decodable {
      var repositories: [String]
    }

    private func catalog(_ http: PlainHTTP, _ path: String) async throws -> (names: [String], next: String?) {
      let answer = try await http.get(path)
      #expect(answer.status == 200)
      let next = try answer["link"].map { link in
        String(try #require(link.wholeMatch(of: /<([^>]+)>; rel="next"/)).1)
      }
      return (try JSONDecoder().decode(Catalog.self, from: answer.body).repositories, next)
    }

    @Test("the catalog lists repositories that hold a manifest, page by page")
    func paging() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        let empty = try await catalog(http, "/v2/_catalog")
        #expect(empty.names.isEmpty && empty.next == nil)

        let config = Data("{}".utf8)
        let manifest = try OCILayout.Manifest(
          mediaType: OCILayout.MediaType.manifest,
          config: .init(config, mediaType: OCILayout.MediaType.empty),
          layers: []
        ).encoded()
        let names = ["a", "a-b", "a/b", "b", "trade/goods"]
        for name in names.reversed() {
          #expect(try await http.pushBlob(name, config).status == 201)
          #expect(try await http.pushManifest(name, "v1", manifest).status == 201)
        }
        // A blob alone makes no repository that anybody could pull from.
        #expect(try await http.pushBlob("only/blobs", config).status == 201)
        #expect(try await catalog(http, "/v2/_catalog").names == names)

        var found: [[String]] = []
        var path: String? = "/v2/_catalog?n=2"
        while let page = path, found.count < 5 {
          let (part, next) = try await catalog(http, page)
          found.append(part)
          path = next
        }
        #expect(found == [["a", "a-b"], ["a/b", "b"], ["trade/goods"]])
        #expect(try await catalog(http, "/v2/_catalog?last=a/b").names == ["b", "trade/goods"])

        #expect(try await http.deleteManifest("a/b", sha256(manifest)).status == 202)
        #expect(try await catalog(http, "/v2/_catalog").names == ["a", "a-b", "b", "trade/goods"])
      }
    }

    @Test("extensions can be discovered, of the registry and of a repository")
    func discovery() async throws {
      struct Extensions: Decodable {
        struct Entry: Decodable {
          var name: String
          var url: String
          var endpoints: [String]
        }
        var extensions: [Entry]
      }
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        for path in ["/v2/_oci/ext/discover", "/v2/trade/goods/_oci/ext/discover"] {
          let answer = try await http.get(path)
          #expect(answer.status == 200)
          #expect(answer["content-type"] == "application/json")
          let found = try JSONDecoder().decode(Extensions.self, from: answer.body).extensions
          #expect(found.map(\.name) == ["_oci"])
          #expect(found.first?.endpoints == [path])
        }
      }
    }
  }
}
