import ContainerImage
import Testing

@testable import RegistryAPI

@Suite("routes")
struct RouteTests {
  private static let hex = String(repeating: "0123456789abcdef", count: 4)

  @Test("every endpoint of the specification is found")
  func endpoints() throws {
    let name = try RepositoryName(parsing: "trade/hello")
    let digest = try Digest(parsing: "sha256:\(Self.hex)")
    let expected: [(String, Route)] = [
      ("/v2", .base), ("/v2/", .base),
      ("/v2/trade/hello/blobs/\(digest)", .blob(name, digest)),
      ("/v2/trade/hello/blobs/sha256%3A\(Self.hex)", .blob(name, digest)),
      ("/v2/trade/hello/manifests/v1", .manifest(name, .tag(try Tag(parsing: "v1")))),
      ("/v2/trade/hello/manifests/\(digest)", .manifest(name, .digest(digest))),
      ("/v2/trade/hello/blobs/uploads", .uploads(name)), ("/v2/trade/hello/blobs/uploads/", .uploads(name)),
      ("/v2/trade/hello/blobs/uploads/abc", .upload(name, id: "abc")),
      ("/v2/trade/hello/tags/list", .tags(name)),
      ("/v2/trade/hello/referrers/\(digest)", .referrers(name, digest)),
      ("/v2/_catalog", .catalog),
      ("/v2/_oci/ext/discover", .extensions(nil)), ("/v2/trade/hello/_oci/ext/discover", .extensions(name)),
    ]
    for (path, route) in expected { #expect(try Route(path: path) == route, "\(path)") }
  }

  @Test("names that are endpoints' words are names all the same")
  func ambiguousNames() throws {
    for name in ["manifests", "blobs", "tags/list", "blobs/uploads", "a/manifests/b", "referrers/blobs"] {
      let repository = try RepositoryName(parsing: name)
      #expect(
        try Route(path: "/v2/\(name)/manifests/v1") == .manifest(repository, .tag(try Tag(parsing: "v1"))))
      #expect(try Route(path: "/v2/\(name)/tags/list") == .tags(repository))
    }
  }

  @Test(
    "paths that no endpoint has",
    arguments: ["/v2/x", "/v2/a/b/c", "/v2x/", "/v2/a/tags/all", "/v2/_catalog/x", "/v2/a/blobs/../../x"])
  func unknownPaths(path: String) throws {
    #expect(try Route(path: path) == nil)
  }

  @Test(
    "paths that would lead elsewhere are refused",
    arguments: [
      "/v2/../manifests/v1", "/v2/a/../../etc/manifests/v1", "/v2/%2e%2e/manifests/v1",
      "/v2/a%2Fb/manifests/v1",
      "/v2/a/manifests/..", "/v2/a/manifests/..%2f..%2fetc", "/v2/a/manifests/%00", "/v2/a//b/manifests/v1",
      "/v2//manifests/v1", "/v2/A/manifests/v1", "/v2/a/blobs/sha256:..",
      "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", "/v2/a/referrers/v1", "/v2/a/manifests/%zz",
      "/v2/\(String(repeating: "a", count: 300))/manifests/v1",
      "/v2/a/manifests/\(String(repeating: "t", count: 129))",
    ])
  func hostilePaths(path: String) {
    let error = #expect(throws: WireError.self) { try Route(path: path) }
    #expect(error?.status == .badRequest)
  }
}
