import Access
import ContainerImage
import Testing

@Suite struct WorkloadRulesTests {
  private static func rules(_ text: String) throws(AccessError) -> WorkloadRules {
    try WorkloadRules(parsing: Array("[\(text)]".utf8), what: "workloads")
  }

  private static func rule(
    issuer: String = "https://ci.example", claims: String = #"{"repository": "acme/*"}"#,
    name: String = "acme-ci",
    more: String = ""
  ) -> String {
    """
    {"issuer": "\(issuer)", "audience": "registry.example", "claims": \(claims), "name": "\(name)"\(more)}
    """
  }

  private static func token(
    _ claims: String, issuer: String = "https://ci.example", audience: String = "\"registry.example\""
  )
    throws -> OrderedJSON
  {
    try OrderedJSON(
      parsing: Array("{\"exp\": 1, \"iss\": \"\(issuer)\", \"aud\": \(audience)\(claims)}".utf8))
  }

  @Test(arguments: [
    (#"{"repository": "acme/*"}"#, #", "repository": "acme/app""#, true),
    (#"{"repository": "acme/*"}"#, #", "repository": "acme/app/x""#, false),
    (#"{"repository": "acme/*"}"#, #", "repository": "evil/acme/app""#, false),
    (#"{"repository": "acme/*"}"#, #", "repository": "acme""#, false),
    (#"{"repository": "acme/*"}"#, #", "repository": "ACME/app""#, false),
    (#"{"repository": "acme/*"}"#, #", "repository": null"#, false),
    (#"{"repository": "*"}"#, #", "repository": {}"#, false),
    (#"{"repository": "acme/*"}"#, "", false),
    (#"{"sub": "repo:acme/**"}"#, #", "sub": "repo:acme/app:ref:refs/heads/main""#, true),
    (#"{"sub": "repo:acme/*:ref:refs/heads/main"}"#, #", "sub": "repo:acme/app:ref:refs/heads/main""#, true),
    (#"{"sub": "repo:acme/*:ref:refs/heads/main"}"#, #", "sub": "repo:acme/app:ref:refs/heads/x""#, false),
    (#"{"a": "x", "b": "y"}"#, #", "a": "x", "b": "y""#, true),
    (#"{"a": "x", "b": "y"}"#, #", "a": "x", "b": "z""#, false),
    (#"{"a": ["x", "y*"]}"#, #", "a": "y1""#, true), (#"{"a": ["x", "y*"]}"#, #", "a": "z""#, false),
    (#"{"a": "x"}"#, #", "a": ["w", "x"]"#, true), (#"{"a": "x"}"#, #", "a": [["x"]]"#, false),
    (#"{"a": "true"}"#, #", "a": true"#, true), (#"{"a": "7"}"#, #", "a": 7"#, true),
    (#"{"a": "7"}"#, #", "a": 7.0"#, false),
    (#"{"K": "x"}"#, ", \"\u{212a}\": \"x\"", false), (#"{"a": "é"}"#, ", \"a\": \"e\u{301}\"", false),
  ])
  func claimsAreMatched(claims: String, token: String, isGood: Bool) throws {
    let rules = try Self.rules(Self.rule(claims: claims, more: #", "groups": ["ci"]"#))
    let expected = Identity(kind: .workload, name: "acme-ci", groups: ["ci"])
    #expect(rules.holder(of: try Self.token(token))?.identity == (isGood ? expected : nil))
    #expect(rules.give(expected) && !rules.give(Identity(kind: .workload, name: "acme-ci")))
  }

  @Test func issuerAndAudienceAreThoseOfTheRule() throws {
    let rules = try Self.rules(
      [
        Self.rule(name: "one"), Self.rule(claims: #"{"repository": "**"}"#, name: "two"),
        Self.rule(issuer: "http://127.0.0.1:8080/x", name: "three"),
      ].joined(separator: ","))
    #expect(rules.know(issuer: "https://ci.example") && rules.know(issuer: "http://127.0.0.1:8080/x"))
    #expect(!rules.know(issuer: "https://ci.example/") && !rules.know(issuer: ""))
    #expect(rules.rules.map(\.place) == ["[0]", "[1]", "[2]"])
    let app = #", "repository": "acme/app""#
    for (token, name) in [
      (try Self.token(app), "one"), (try Self.token(#", "repository": "x""#), "two"),
      (try Self.token(app, issuer: "http://127.0.0.1:8080/x"), "three"),
      (try Self.token(app, audience: #"["x", "registry.example"]"#), "one"),
      (try Self.token(app, issuer: "https://ci.example/"), nil),
      (try Self.token(app, issuer: "https://CI.example"), nil),
      (try Self.token(app, audience: #""registry.example.org""#), nil),
      (try Self.token(app, audience: "null"), nil),
      (try Self.token(app, audience: "[]"), nil),
    ] as [(OrderedJSON, String?)] {
      #expect(rules.holder(of: token)?.identity.name == name, "\(token)")
    }
  }

  /// From the token of another program to the identity.
  @Test func aVerifiedTokenGivesAnIdentity() throws {
    let material = try TokenMaterial.made.get()
    let rules = try Self.rules(
      """
      {"issuer": "https://token.actions.githubusercontent.com", "audience": "registry.example",
       "claims": {"repository": "acme/*", "ref": "refs/heads/main", "ref_protected": "true"}, "name": "acme-ci"}
      """)
    let keys = try TokenKey.keys(jwks: Array(try #require(material.keys["jwks"]).utf8), what: "keys")
    #expect(JSONWebToken.claimedIssuer(of: material.workload) == rules.rules.first?.issuer)
    let claims = try JSONWebToken.verify(material.workload, keys: keys, at: material.time).get()
    let found = try #require(rules.holder(of: claims))
    #expect(found.identity == Identity(kind: .workload, name: "acme-ci"))
    #expect(found.expires == material.time.addingTimeInterval(300))
    let late = JSONWebToken.verify(material.workload, keys: keys, at: material.time.addingTimeInterval(360))
    #expect(throws: TokenRefusal.expired(at: material.time.addingTimeInterval(300))) { try late.get() }
  }

  @Test(arguments: [
    (rule(issuer: "ci.example"), "[0].issuer"), (rule(issuer: "http://ci.example"), "[0].issuer"),
    (rule(issuer: "http://localhost.evil.example"), "[0].issuer"), (rule(issuer: "https://"), "[0].issuer"),
    (rule(issuer: "https://a?b"), "[0].issuer"), (rule(issuer: "https://a b"), "[0].issuer"),
    (rule(issuer: ""), "[0].issuer: it is empty"),
    (rule(claims: "{}"), "[0].claims: name at least one claim"),
    (rule(claims: "[]"), "[0].claims: expected an object"),
    (rule(claims: #"{"a": []}"#), "[0].claims.a: the list must not be"),
    (rule(claims: #"{"a": 1}"#), "[0].claims.a: expected a list"),
    (rule(claims: #"{"a": ["x", "y**"]}"#), "[0].claims.a[1]"),
    (rule(claims: #"{"a": ""}"#), "[0].claims.a: it is empty"), (rule(name: ""), "[0].name: it is empty"),
    (rule(name: "a "), "[0].name: the name begins or ends"),
    (rule(more: #", "groups": [""]"#), "[0].groups[0]"),
    (rule(more: #", "x": 1"#), "[0].x: it is not known here"), ("1", "[0]: expected an object"),
    (#"{"audience": "a", "claims": {"a": "b"}, "name": "c"}"#, "[0].issuer: it is missing"),
    (#"{"issuer": "https://a", "claims": {"a": "b"}, "name": "c"}"#, "[0].audience: it is missing"),
    (#"{"issuer": "https://a", "audience": "a", "name": "c"}"#, "[0].claims: it is missing"),
    (#"{"issuer": "https://a", "audience": "a", "claims": {"a": "b"}}"#, "[0].name: it is missing"),
  ])
  func malformedRulesAreRefusedWithTheirPlace(text: String, reason: String) {
    let error = #expect(throws: AccessError.self) { try Self.rules(text) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.hasPrefix("workloads cannot be used: ") && message.contains(reason), "\(message)")
  }

  @Test func anIssuerIsClaimedOnly() {
    #expect(JSONWebToken.claimedIssuer(of: "a.b.c") == nil)
    #expect(JSONWebToken.claimedIssuer(of: "eyJ.a password.of") == nil)
    #expect(JSONWebToken.claimedIssuer(of: "") == nil)
  }

  @Test(arguments: [
    (#"{"issuer": "https://ci.example/x", "jwks_uri": "https://keys.example/?v=1", "more": [1]}"#, nil),
    (#"{"issuer": "https://ci.example/x/", "jwks_uri": "https://ci.example/keys"}"#, "issuer: it is"),
    (#"{"issuer": "https://ci.example", "jwks_uri": "https://ci.example/keys"}"#, "issuer: it is"),
    (#"{"jwks_uri": "https://ci.example/keys"}"#, "issuer: it is missing"),
    (#"{"issuer": "https://ci.example/x"}"#, "jwks_uri: it is missing"),
    (#"{"issuer": "https://ci.example/x", "jwks_uri": "http://ci.example/keys"}"#, "no URL with https"),
    (#"{"issuer": "https://ci.example/x", "jwks_uri": "http://127.0.0.1/keys"}"#, "no URL with https"),
    (#"{"issuer": "https://ci.example/x", "jwks_uri": "file:///etc/passwd"}"#, "no URL with https"),
    (#"{"issuer": "https://ci.example/x", "jwks_uri": 7}"#, "expected a text"), ("[]", "expected an object"),
    ("", "cannot be used"),
  ])
  func whereKeysAreIsSaidByTheIssuerItself(text: String, reason: String?) throws {
    func read() throws(AccessError) -> IssuerDocument {
      try IssuerDocument(parsing: Array(text.utf8), of: "https://ci.example/x", what: "it")
    }
    guard let reason else {
      #expect(try read().keys == "https://keys.example/?v=1")
      return
    }
    let error = #expect(throws: AccessError.self) { try read() }
    #expect(error.map { "\($0)" }?.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func theDocumentIsBelowTheIssuer() throws {
    let place = "https://ci.example/x/.well-known/openid-configuration"
    #expect(IssuerDocument.address(of: "https://ci.example/x") == place)
    #expect(IssuerDocument.address(of: "https://ci.example/x/") == place)
    let own = #"{"issuer": "http://localhost:1", "jwks_uri": "http://localhost:1/keys"}"#
    let document = try IssuerDocument(parsing: Array(own.utf8), of: "http://localhost:1", what: "it")
    #expect(document.keys == "http://localhost:1/keys")
  }
}
