import ContainerImage
import Testing

@testable import RegistryAPI

@Suite("routes of signatures")
struct SignatureRouteTests {
  private static let hex = String(repeating: "0123456789abcdef", count: 4)

  @Test("the extension's and the lookaside's paths are found")
  func found() throws {
    let name = try RepositoryName(parsing: "trade/hello")
    let digest = try Digest(parsing: "sha256:\(Self.hex)")
    let expected: [(String, SignatureRoute?)] = [
      ("/extensions/v2/trade/hello/signatures/\(digest)", .list(name, digest)),
      ("/extensions/v2/trade/hello/signatures/sha256%3A\(Self.hex)", .list(name, digest)),
      ("/lookaside/trade/hello@sha256=\(Self.hex)/signature-3", .lookaside(name, digest, index: 3)),
      ("/lookaside/trade/hello@sha256=\(Self.hex)/signature-0", nil),
      ("/lookaside/trade/hello@sha256=\(Self.hex)/other", nil), ("/lookaside/trade/hello/signature-1", nil),
      ("/extensions/v2/signatures/\(digest)", nil), ("/extensions/v2/trade/hello/\(digest)", nil),
      ("/v2/", nil),
      ("/", nil),
    ]
    for (path, route) in expected { #expect(try SignatureRoute(path: path) == route, "\(path)") }
  }

  @Test(
    "malformed names and digests are refused",
    arguments: [
      "/extensions/v2/Trade/signatures/sha256:0", "/extensions/v2/trade/signatures/sha256:0",
      "/lookaside/trade@sha256=0/signature-1", "/lookaside/Trade@sha256=0/signature-1",
      "/lookaside/../etc@sha256=0/signature-1",
    ])
  func refused(path: String) {
    #expect(throws: WireError.self) { _ = try SignatureRoute(path: path) }
  }
}
