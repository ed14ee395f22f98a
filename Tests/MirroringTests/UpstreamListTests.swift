import Access
import ContainerImage
import Foundation
import Mirroring
import Testing

@Suite struct UpstreamListTests {
  private static func list(_ text: String) throws -> UpstreamList {
    try UpstreamList(parsing: Array(text.utf8), what: "upstreams")
  }

  private static let example = """
    {"upstreams": [
      {"namespace": "docker.io", "bare": ["library/*", "grafana/**"], "deny": ["library/secret"]},
      {"namespace": "ghcr.io", "allow": ["acme/**"]},
      {"namespace": "registry.example:5000", "prefix": "example/mirror"}
    ]}
    """

  /// What each name means, by itself and with `ns`.
  @Test(
    arguments: [
      ("docker.io/library/alpine", nil, "docker.io library/alpine"),
      ("docker.io/alpine", nil, "docker.io library/alpine"),
      ("docker.io/acme/app", nil, "docker.io acme/app"), ("library/alpine", nil, "docker.io library/alpine"),
      ("grafana/a/b", nil, "docker.io grafana/a/b"), ("grafana", nil, nil), ("library", nil, nil),
      ("docker.io", nil, nil),
      ("docker.iox/a", nil, nil), ("docker", nil, nil), ("acme/app", nil, nil),
      ("ghcr.io/acme/app", nil, "ghcr.io acme/app"), ("ghcr.io/other/app", nil, "not mirrored"),
      ("library/secret", nil, "not mirrored"), ("docker.io/library/secret", nil, "not mirrored"),
      ("example/mirror/a", nil, "registry.example:5000 a"), ("example/mirror", nil, nil),
      ("example/a", nil, nil),
      ("acme/app", "ghcr.io", "ghcr.io acme/app"), ("alpine", "docker.io", "docker.io library/alpine"),
      ("library/alpine", "ghcr.io", "not mirrored"),
      ("a", "registry.example:5000", "registry.example:5000 a"),
      ("a", "registry.example", "unknown"), ("a", "", "unknown"),
      ("docker.io/a/b", "docker.io", "docker.io docker.io/a/b"),
    ] as [(String, String?, String?)])
  func namesMeanOneThing(name: String, namespace: String?, expected: String?) throws {
    let list = try Self.list(Self.example)
    let found: String?
    do throws(MirrorRefusal) {
      let place = try list.place(of: try! RepositoryName(parsing: name), namespace: namespace)
      found = place.map { $0.isGivenOut ? "\($0.upstream.namespace) \($0.remote)" : "not mirrored" }
      if let place { #expect(place.name.description == "\(place.upstream.prefix)/\(place.remote)") }
    } catch {
      switch error {
      case .unknownNamespace: found = "unknown"
      case .tooLong: found = "too long"
      }
    }
    #expect(found == expected)
  }

  /// Whatever an earlier upstream says of other names.
  @Test func whatIsBelowAPrefixIsOfThatUpstream() throws {
    let list = try Self.list(
      #"{"upstreams": [{"namespace": "a.example", "bare": ["**"]}, {"namespace": "b.example"}]}"#)
    for (name, upstream) in [
      ("b.example/x", "b.example"), ("c.example/x", "a.example"), ("a.example/x", "a.example"),
    ] {
      let place = try list.place(of: RepositoryName(parsing: name), namespace: nil)
      #expect(place?.upstream.namespace == upstream, "\(name)")
      #expect(list.isMirrored(try RepositoryName(parsing: name)))
    }
  }

  @Test func aNameMayBeTooLongHere() throws {
    let list = try Self.list(Self.example)
    let name = try RepositoryName(parsing: String(repeating: "a", count: 250))
    #expect(throws: MirrorRefusal.tooLong(name)) {
      try list.place(of: name, namespace: "registry.example:5000")
    }
  }

  @Test func settingsHaveDefaults() throws {
    let upstream = try #require(try Self.list(Self.example).upstreams.first)
    #expect(upstream.address.description == "https://registry-1.docker.io")
    #expect(
      upstream.ttl == .seconds(300) && upstream.registry.connections == 8 && upstream.maximumSize == nil)
    #expect(upstream.registry.credentials == .none && upstream.signatures)
  }

  /// What docs/mirror.md shows works.
  @Test func theManualsExampleIsRead() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/mirror.md")
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    let start = try #require(text.range(of: "```json\n")).upperBound
    let end = try #require(text[start...].range(of: "```")).lowerBound
    let example: String = String(text[start..<end])
    let list = try Self.list(example)
    #expect(list.upstreams.map(\.namespace) == ["docker.io", "ghcr.io", "registry.example:5000"])
    #expect(
      list.upstreams[0].registry.credentials == .passwordFile(user: "acme", path: "/etc/kontor/docker-hub"))
    #expect(list.upstreams[1].keep == .seconds(30 * 24 * 3600))
  }
}
