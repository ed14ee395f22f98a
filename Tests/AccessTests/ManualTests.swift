import Access
import ContainerImage
import Foundation
import Testing

/// What docs/access.md shows works as it says.
@Suite struct ManualTests {
  private static func examples() throws -> [String] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/access.md")
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    return text.components(separatedBy: "```json\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
  }

  @Test func itsExamplesAreRead() throws {
    let examples = try Self.examples()
    try #require(examples.count == 3)
    let rules = try AccessRules(parsing: Array(examples[0].utf8), what: "the example")
    for (identity, repository, actions) in [
      (Identity(kind: .user, name: "alice"), "team/app", [.pull, .push]),
      (Identity(kind: .user, name: "bob"), "public/app", [.pull]),
      (Identity(kind: .user, name: "prometheus"), "public/app", [.admin]),
      (.anonymous, "public/app", [.pull]), (.anonymous, "team/app", []),
    ] as [(Identity, String, Set<AccessAction>)] {
      let decision = rules.decision(for: identity, on: try RepositoryName(parsing: repository))
      #expect(decision.actions == actions, "\(identity) \(repository)")
    }
    #expect(rules.isAdmin(Identity(kind: .user, name: "prometheus")))
    let workloads = try WorkloadRules(parsing: Array(examples[2].utf8), what: "the example")
    #expect(workloads.rules.map(\.identity.name) == ["acme-ci", "acme-gitlab"])
  }
}
