import Access
import ContainerImage
import Foundation
import Mirroring
import Testing

@testable import Replication

@Suite("rules of replication")
struct ReplicationListTests {
  private func list(_ text: String, upstreams: String? = nil) throws -> ReplicationList {
    let upstreams = try upstreams.map { try UpstreamList(parsing: Array($0.utf8), what: "upstreams.json") }
    return try ReplicationList(parsing: Array(text.utf8), what: "sync.json", upstreams: upstreams)
  }

  private func rule(_ members: String) throws -> ReplicationRule {
    try #require(try list(#"{"rules": [{"name": "one", \#(members)}]}"#).rules.first)
  }

  @Test("all that a rule can say is read")
  func whole() throws {
    let list = try list(
      """
      {"registries": [{"name": "registry.example:5000", "url": "http://127.0.0.1:5000", "connections": 2, "rate": 10}],
       "rules": [
         {"name": "bases", "from": "registry.example:5000", "repositories": ["library/alpine", "team/**"],
          "tags": ["v*"], "except": ["*-rc*"], "versions": ">=1.2 <2", "suffix": "-alpine", "newest": 3,
          "platforms": ["linux/amd64", "linux/arm64"], "referrers": false, "strip": "library", "prefix": "copy",
          "deletions": "gone", "every": "6h"},
         {"name": "out", "repositories": ["copy/**"], "to": "other.example", "cron": "30 2 * * *", "platform": "linux/arm/v7"}
       ]}
      """)
    let bases = list.rules[0]
    #expect(bases.name == "bases" && bases.summary == "registry.example:5000 to here")
    #expect(bases.platforms.map(\.description) == ["linux/amd64", "linux/arm64"] && bases.platform == nil)
    #expect(!bases.referrers && bases.deletions == .gone && bases.schedule?.description == "every 6h")
    #expect(try bases.targetName(of: RepositoryName(parsing: "library/alpine")).description == "copy/alpine")
    #expect(try bases.targetName(of: RepositoryName(parsing: "team/app")).description == "copy/team/app")
    guard case .registry(let from?) = bases.source else { throw Wrong() }
    #expect(from.connections == 2 && from.rate == 10 && from.address.description == "http://127.0.0.1:5000")
    let out = list.rules[1]
    #expect(
      out.summary == "here to other.example" && out.target?.address.description == "https://other.example")
    #expect(out.referrers && out.deletions == .never && out.platform?.description == "linux/arm/v7")
  }

  private struct Wrong: Error {}

  @Test("what docs/mirror.md shows works")
  func manual() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/mirror.md")
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    let part = try #require(text.range(of: "## Replication")).upperBound
    let start = try #require(text[part...].range(of: "```json\n")).upperBound
    let end = try #require(text[start...].range(of: "```")).lowerBound
    #expect(try list(String(text[start..<end])).rules.map(\.name) == ["bases", "releases", "pods"])
  }

  @Test("tags are chosen by pattern, then by version, then the newest")
  func tags() throws {
    let names = ["v1.1.0", "v1.2.0", "v1.10.0", "v1.9.1", "v1.11.0-rc.1", "v2.0.0", "latest", "1.12.0"]
    let tags = try names.map { try Tag(parsing: $0) }
    let repository = try RepositoryName(parsing: "team/app")
    func chosen(_ members: String) throws -> Set<String> {
      let rule = try rule(#""from": "registry.example", "repositories": ["**"]"# + members)
      return Set(rule.tags.chosen(from: tags, in: repository).map(\.description))
    }
    #expect(try chosen("") == Set(names))
    #expect(
      try chosen(#", "tags": ["v*"], "except": ["*-rc*", "v2*"]"#) == [
        "v1.1.0", "v1.2.0", "v1.10.0", "v1.9.1",
      ])
    #expect(try chosen(#", "versions": ">=1.2 <2", "newest": 2"#) == ["1.12.0", "v1.10.0"])
    #expect(try chosen(#", "tags": ["v*"], "newest": 1"#) == ["v2.0.0"])
    #expect(try chosen(#", "tags": ["none"]"#) == [])
  }

  @Test("a name of an upstream means that one")
  func upstreams() throws {
    let upstreams =
      #"{"upstreams": [{"namespace": "docker.io", "url": "https://mirror.example", "connections": 3}]}"#
    let list = try list(
      #"{"rules": [{"name": "hub", "from": "docker.io", "repositories": ["library/alpine"]}]}"#,
      upstreams: upstreams)
    guard case .registry(let from?) = list.rules[0].source else { throw Wrong() }
    #expect(from.connections == 3 && from.address.description == "https://mirror.example")
    #expect(throws: AccessError.self) {
      try self.list(
        #"{"registries": [{"name": "docker.io"}], "rules": [{"name": "hub", "from": "docker.io", "repositories": ["a"]}]}"#,
        upstreams: upstreams)
    }
  }

  @Test(
    "what is wrong is said, with its place",
    arguments: [
      (#"{}"#, "rules: it is missing"), (#"{"rules": []}"#, "rules: the list must not be empty"),
      (#"{"rules": [{"from": "a.example", "repositories": ["a"]}]}"#, "rules[0].name: it is missing"),
      (#"{"rules": [{"name": "a b", "from": "a.example", "repositories": ["a"]}]}"#, "is no rule's name"),
      (#"{"rules": [{"name": "a", "from": "a.example"}]}"#, "repositories: it is missing"),
      (#"{"rules": [{"name": "a", "from": "a.example", "repositories": []}]}"#, "must not be empty"),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["A"]}]}"#, "rules[0].repositories[0]"
      ),
      (#"{"rules": [{"name": "a", "repositories": ["a"]}]}"#, "from this registry to this registry"),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "to": "a.example", "repositories": ["a"]}]}"#,
        "from a.example to a.example"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "tag": "x"}]}"#,
        "rules[0].tag: it is not known"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "tags": ["a b"]}]}"#,
        "rules[0].tags[0]"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "versions": ">>1"}]}"#,
        "rules[0].versions"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "newest": 0}]}"#,
        "rules[0].newest"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "every": "1s"}]}"#,
        "every 10s at most"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "cron": "0 0 30 2 *"}]}"#,
        "never such a day"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "cron": "@daily", "every": "1h"}]}"#,
        "choose one"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "deletions": "all"}]}"#,
        "expected never, gone, unselected"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "platform": "linux/amd64", "platforms": ["linux/amd64"]}]}"#,
        "choose one"
      ),
      (#"{"rules": [{"name": "a", "images": ["example.com/a"]}]}"#, "appc.trustedKeys"),
      (
        #"{"rules": [{"name": "a", "images": ["example.com/a"], "appc": {"insecureSkipSignature": true}, "newest": 2}]}"#,
        "rules[0].newest: a rule with images"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"], "appc": {}}]}"#,
        "it is for rules with images"
      ),
      (
        #"{"rules": [{"name": "a", "from": "a.example", "repositories": ["a"]}, {"name": "a", "from": "b.example", "repositories": ["a"]}]}"#,
        "already"
      ),
      (
        #"{"registries": [{"name": "a.example", "url": "http://a.example", "credentials": {"user": "u", "passwordFile": "p"}}], "rules": [{"name": "a", "from": "a.example", "repositories": ["a"]}]}"#,
        "unencrypted"
      ),
    ])
  func mistakes(text: String, expected: String) throws {
    let error = #expect(throws: AccessError.self) { try self.list(text) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(expected), "\(error.map { "\($0)" } ?? "")")
  }

  @Test("what runs every so often is not made up for twice, and begins at once if it never ran")
  func schedule() throws {
    let every = try #require(try rule(#""from": "a.example", "repositories": ["a"], "every": "1h""#).schedule)
    #expect(every.next(after: nil, now: 1000) == 1000)
    #expect(every.next(after: 900, now: 1000) == 4500)
    #expect(every.next(after: 900, now: 100_000) == 100_000)
    let cron = try #require(
      try rule(#""from": "a.example", "repositories": ["a"], "cron": "0 * * * *""#).schedule)
    #expect(cron.next(after: nil, now: 10) == 3600 && cron.next(after: 3600, now: 3600) == 7200)
  }
}
