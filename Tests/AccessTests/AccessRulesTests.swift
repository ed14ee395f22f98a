import Access
import ContainerImage
import Testing

@Suite struct AccessRulesTests {
  private static func rules(_ text: String) throws(AccessError) -> AccessRules {
    try AccessRules(parsing: Array(text.utf8), what: "access.json")
  }

  private static func user(_ name: String, _ groups: String...) -> Identity {
    Identity(kind: .user, name: name, groups: Set(groups))
  }

  private static let table = """
    {"groups": {"dev": ["alice", "certificate:ci"], "ops": ["user:root", "certificate:acme:deploy", "certificate:CN=x"], "empty": []},
     "rules": [
       {"repositories": ["team/secret"], "who": ["user:alice"], "actions": []},
       {"repositories": ["team/secret", "team/old"], "who": ["group:dev"], "actions": ["pull"]},
       {"repositories": ["team/**"], "who": ["group:dev", "group:ldap"], "actions": ["pull", "push", "sign"]},
       {"repositories": ["**"], "who": ["group:ops"], "actions": ["pull", "push", "delete", "sign", "admin"]},
       {"repositories": ["inner/*"], "who": ["authenticated"], "actions": ["pull"]},
       {"repositories": ["gone/*"], "who": ["anonymous"], "actions": ["pull"]},
       {"repositories": ["public/**"], "who": ["everyone"], "actions": ["pull"]}
     ]}
    """

  @Test(
    arguments: [
      // The first rule decides alone, also if it allows less than a later one.
      (user("alice"), "team/secret", [], 0), (user("alice"), "team/old", [.pull], 1),
      (user("alice"), "team/app", [.pull, .push, .sign], 2), (user("alice"), "team", [], nil),
      (Identity(kind: .certificate, name: "ci"), "team/secret", [.pull], 1),
      (Identity(kind: .certificate, name: "ci"), "team/app/x", [.pull, .push, .sign], 2),
      // A name means somebody together with its kind.
      (user("ci"), "team/app", [], nil), (Identity(kind: .token, name: "alice"), "team/app", [], nil),
      (Identity(kind: .certificate, name: "alice"), "team/app", [], nil),
      // Groups of both.
      (user("bob", "ldap"), "team/app", [.pull, .push, .sign], 2),
      (user("bob", "dev"), "team/old", [.pull], 1),
      (user("bob"), "team/app", [], nil), (user("bob", "Dev"), "team/app", [], nil),
      (user("alice", "ops"), "x", Set(AccessAction.allCases), 3),
      (user("root"), "team/secret", Set(AccessAction.allCases), 3),
      (Identity(kind: .certificate, name: "acme:deploy"), "x", Set(AccessAction.allCases), 3),
      (Identity(kind: .certificate, name: "CN=x"), "x", Set(AccessAction.allCases), 3),
      (Identity(kind: .certificate, name: "CN=X"), "x", [], nil), (user("Root"), "x", [], nil),
      // Classes.
      (user("bob"), "inner/a", [.pull], 4), (.anonymous, "inner/a", [], nil),
      (user("bob"), "gone/a", [], nil), (.anonymous, "gone/a", [.pull], 5),
      (user("bob"), "public/a/b", [.pull], 6), (.anonymous, "public/a/b", [.pull], 6),
      (.anonymous, "public", [], nil),
      // Whoever is nobody has no groups and no name.
      (Identity(kind: .anonymous, name: "root", groups: ["ops"]), "x", [], nil),
    ] as [(Identity, String, Set<AccessAction>, Int?)])
  func theFirstRuleDecides(identity: Identity, repository: String, actions: Set<AccessAction>, rule: Int?)
    throws
  {
    let decision = try Self.rules(Self.table).decision(for: identity, on: RepositoryName(parsing: repository))
    #expect(decision == AccessDecision(actions: actions, rule: rule.map { "rules[\($0)]" }))
  }

  @Test func administratorsAreThoseOfAllRepositories() throws {
    let rules = try Self.rules(
      """
      {"rules": [
        {"repositories": ["team/**"], "who": ["everyone"], "actions": ["admin"]},
        {"repositories": ["**"], "who": ["user:former"], "actions": []},
        {"repositories": ["x", "**"], "who": ["group:ops", "user:former", "certificate:metrics"], "actions": ["admin"]},
        {"repositories": ["**"], "who": ["everyone"], "actions": ["pull"]}
      ]}
      """)
    #expect(rules.isAdmin(Self.user("a", "ops")))
    #expect(rules.isAdmin(Identity(kind: .certificate, name: "metrics")))
    #expect(!rules.isAdmin(Self.user("former", "ops")))
    #expect(!rules.isAdmin(Self.user("a")))
    #expect(!rules.isAdmin(.anonymous))
    // It contains no other.
    let name = try RepositoryName(parsing: "y")
    #expect(rules.decision(for: Identity(kind: .certificate, name: "metrics"), on: name).actions == [.admin])
  }

  /// Unicode has two ways to write some letters. They are two users.
  @Test func namesAreComparedByteByByte() throws {
    let (composed, decomposed) = ("\u{e9}", "e\u{301}")
    #expect(composed == decomposed)
    let rules = try Self.rules(
      """
      {"groups": {"dev": ["\(composed)"]},
       "rules": [{"repositories": ["a"], "who": ["user:\(composed)"], "actions": ["pull"]},
                 {"repositories": ["b"], "who": ["group:dev"], "actions": ["pull"]},
                 {"repositories": ["c"], "who": ["group:\(composed)"], "actions": ["pull"]}]}
      """)
    for (name, isAllowed) in [(composed, true), (decomposed, false)] {
      for (repository, identity) in [
        ("a", Self.user(name)), ("b", Self.user(name)), ("c", Self.user("x", name)),
      ] {
        let decision = rules.decision(for: identity, on: try RepositoryName(parsing: repository))
        #expect(decision.actions.isEmpty != isAllowed, "\(repository) \(name.utf8.count)")
      }
    }
    #expect(Self.user(composed) != Self.user(decomposed))
  }

  @Test func withoutARuleNothingIsAllowed() throws {
    let rules = try Self.rules(#"{"rules": []}"#)
    let decision = rules.decision(for: Self.user("a"), on: try RepositoryName(parsing: "a"))
    #expect(decision == AccessDecision(actions: [], rule: nil))
    #expect(!rules.isAdmin(Self.user("a")))
  }

  @Test(arguments: [
    ("", "at byte 0"), ("[]", "expected an object"), ("{}", "rules: it is missing"),
    (#"{"rules": [], "x": 1}"#, "x: it is not known here: expected groups, rules"),
    (#"{"rules": [], "rules": []}"#, "twice"), (#"{"rules": {}}"#, "rules: expected a list"),
    (#"{"rules": [1]}"#, "rules[0]: expected an object"),
    (#"{"rules": [{"who": ["everyone"], "actions": []}]}"#, "rules[0].repositories: it is missing"),
    (#"{"rules": [{"repositories": ["a"], "actions": []}]}"#, "rules[0].who: it is missing"),
    (#"{"rules": [{"repositories": ["a"], "who": ["everyone"]}]}"#, "rules[0].actions: it is missing"),
    (rule(repositories: "[]"), "rules[0].repositories: the list must not be empty"),
    (rule(repositories: #""a""#), "rules[0].repositories: expected a list"),
    (rule(repositories: #"["a", "A"]"#), #"rules[0].repositories[1]: "A" matches no repository"#),
    (rule(repositories: #"["a**"]"#), "rules[0].repositories[0]"),
    (rule(who: "[]"), "rules[0].who: the list must not be empty"),
    (rule(who: #"["alice"]"#), #"rules[0].who[0]: "alice" is nobody: expected user:NAME"#),
    (rule(who: #"["everyone", "robot:a"]"#), "rules[0].who[1]"),
    (rule(who: #"["user:"]"#), "the name is empty"),
    (rule(who: #"["Everyone"]"#), "rules[0].who[0]"), (rule(who: #"["anonymous:x"]"#), "rules[0].who[0]"),
    (rule(who: #"["group:"]"#), "the name is empty"),
    (rule(who: #"["user:a\u0000"]"#), "a control character"),
    (rule(who: #"["user: a"]"#), "begins or ends with a space"),
    (rule(who: "[1]"), "rules[0].who[0]: expected a text"),
    (rule(who: #"["user:é", "usér:a"]"#), "rules[0].who[1]"),
    (
      rule(actions: #"["pull", "write"]"#),
      #"rules[0].actions[1]: "write" is no action: expected pull, push, delete"#
    ),
    (rule(actions: #"["*"]"#), "rules[0].actions[0]"), (rule(actions: #"["Pull"]"#), "rules[0].actions[0]"),
    (rule(actions: #"["pull", "pull"]"#), "rules[0].actions[1]: it is there twice"),
    (rule(actions: #""pull""#), "rules[0].actions: expected a list"),
    (#"{"groups": [], "rules": []}"#, "groups: expected an object"),
    (#"{"groups": {"": []}, "rules": []}"#, "the name is empty"),
    (#"{"groups": {"dev": "a"}, "rules": []}"#, "groups.dev: expected a list"),
    (#"{"groups": {"dev": ["a", "group:x"]}, "rules": []}"#, #"groups.dev[1]: "group:x" is no member"#),
    (#"{"groups": {"dev": ["anonymous:a"]}, "rules": []}"#, "groups.dev[0]"),
    (#"{"groups": {"dev": [""]}, "rules": []}"#, "groups.dev[0]: it is empty"),
    (#"{"groups": {"dev": ["token:ci"]}, "rules": []}"#, "what it was made for"),
    (#"{"groups": {"dev": ["certificate:"]}, "rules": []}"#, "groups.dev[0]: the name is empty"),
  ])
  func malformedRulesAreRefusedWithTheirPlace(text: String, reason: String) {
    let error = #expect(throws: AccessError.self) { try Self.rules(text) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.hasPrefix("access.json cannot be used: ") && message.contains(reason), "\(message)")
  }

  private static func rule(
    repositories: String = #"["a"]"#, who: String = #"["everyone"]"#, actions: String = #"["pull"]"#
  ) -> String {
    "{\"rules\": [{\"repositories\": \(repositories), \"who\": \(who), \"actions\": \(actions)}]}"
  }

  @Test func sizesHaveLimits() {
    let large = [UInt8](repeating: 0x20, count: AccessRules.maximumSize + 1)
    #expect(throws: AccessError.tooLarge(what: "rules", limit: AccessRules.maximumSize)) {
      try AccessRules(parsing: large, what: "rules")
    }
  }
}
