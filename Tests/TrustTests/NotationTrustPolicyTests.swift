import ContainerImage
import Foundation
import Testing

@testable import Trust

@Suite struct NotationTrustPolicyTests {
  private static let statement = """
    {"name":"a","registryScopes":["r.example/x"],"signatureVerification":{"level":"strict"},\
    "trustStores":["ca:acme"],"trustedIdentities":["x509.subject: C=US, ST=WA, O=acme"]}
    """

  private static func document(_ statements: String..., version: String = "\"1.0\"") -> String {
    #"{"version":\#(version),"trustPolicies":[\#(statements.joined(separator: ","))]}"#
  }

  /// The specification's examples, without their comments.
  private static let whole = """
    {
      "version": "1.0",
      "trustPolicies": [
        {
          "name": "wabbit-networks-images",
          "registryScopes": ["registry.acme-rockets.io/software/net-monitor", "registry.acme-rockets.io/software/net-logger"],
          "signatureVerification": {"level": "strict", "verifyTimestamp": "afterCertExpiry"},
          "trustStores": ["ca:wabbit-networks", "tsa:trusted-tsa"],
          "trustedIdentities": ["x509.subject: C=US, ST=WA, L=Seattle, O=wabbit-networks.io, OU=Security Tools"]
        },
        {
          "name": "unsigned-image",
          "registryScopes": ["registry.wabbit-networks.io/software/unsigned/net-utils"],
          "signatureVerification": {"level": "skip"}
        },
        {
          "name": "use-expired-image",
          "registryScopes": ["registry.acme-rockets.io/software/legacy/metrics"],
          "signatureVerification": {"level": "strict", "override": {"expiry": "log", "revocation": "skip"}},
          "trustStores": ["ca:acme-rockets"],
          "trustedIdentities": ["*"]
        },
        {
          "name": "global-policy-for-all-other-images",
          "registryScopes": ["*"],
          "signatureVerification": {"level": "audit"},
          "trustStores": ["ca:acme-rockets", "ca:acme-rockets-ca2"],
          "trustedIdentities": ["x509.subject: C=US, ST=WA, L=Seattle, O=acme-rockets.io, OU=Finance, CN=SecureBuilder"]
        }
      ]
    }
    """

  @Test func theSpecificationsExampleIsRead() throws {
    let policy = try NotationTrustPolicy(parsing: Array(Self.whole.utf8), from: "p")
    #expect(policy.statements.map(\.name).count == 4)
    let first = try #require(policy.statement(for: "registry.acme-rockets.io/software/net-logger"))
    #expect(first.name == "wabbit-networks-images" && first.timestampUse == .afterCertExpiry)
    #expect(first.trustStores.map(\.description) == ["ca:wabbit-networks", "tsa:trusted-tsa"])
    #expect(
      policy.statement(for: "registry.wabbit-networks.io/software/unsigned/net-utils")?.level.base == .skip)
    let relaxed = try #require(policy.statement(for: "registry.acme-rockets.io/software/legacy/metrics"))
    #expect(relaxed.identities == .all && relaxed.timestampUse == .always)
    #expect(
      NotationCheck.allCases.map { relaxed.level.action(for: $0) } == [
        .enforce, .enforce, .enforce, .log, .skip,
      ])
    for other in ["registry.acme-rockets.io/software", "docker.io/library/debian"] {
      #expect(policy.statement(for: other)?.name == "global-policy-for-all-other-images")
    }
  }

  @Test func hostsAreTheSameInCapitals() throws {
    let text = Self.document(
      Self.statement.replacing("r.example/x", with: "R.example:5000/x"),
      Self.statement.replacing("\"a\"", with: "\"b\"").replacing(
        "r.example/x", with: "index.docker.io/library/x"))
    let policy = try NotationTrustPolicy(parsing: Array(text.utf8), from: "p")
    for (repository, name) in [
      ("r.example:5000/x", "a"), ("R.EXAMPLE:5000/x", "a"), ("r.example/x", nil),
      ("docker.io/library/x", "b"),
      ("r.example:5000/x/y", nil), ("r.example:5000", nil),
    ] {
      #expect(policy.statement(for: repository)?.name == name)
    }
  }

  @Test func levelsAreThoseOfTheSpecification() {
    func actions(_ base: NotationVerificationLevel.Base) -> [NotationCheck.Action] {
      NotationCheck.allCases.map { NotationVerificationLevel(base).action(for: $0) }
    }
    #expect(actions(.strict) == [.enforce, .enforce, .enforce, .enforce, .enforce])
    #expect(actions(.permissive) == [.enforce, .enforce, .log, .log, .log])
    #expect(actions(.audit) == [.enforce, .log, .log, .log, .log])
    #expect(actions(.skip) == [.skip, .skip, .skip, .skip, .skip])
  }

  @Test(arguments: [
    ("", "not valid JSON"), ("[]", "it is no JSON object"), ("{}", "version is missing"),
    (document(statement, version: "\"2.0\""), "version is \"2.0\""),
    (document(statement, version: "1"), "version is no string"),
    (document(), "trustPolicies is empty"),
    (#"{"version":"1.0","trustPolicies":{}}"#, "trustPolicies is no list"),
    (#"{"version":"1.0","trustPolicy":[]}"#, "trustPolicy is not known"),
    (document("1"), "trustPolicies[0] is no JSON object"),
    (document(statement, statement), "trustPolicies[1].name is \"a\", as the one of trustPolicies[0]"),
    (
      document(statement, statement.replacing("\"a\"", with: "\"b\"")),
      "trustPolicies[1].registryScopes has \"r.example/x\""
    ),
    (document(statement.replacing("\"a\"", with: "\"\"")), "trustPolicies[0].name is empty"),
    (document(statement.replacing("\"a\"", with: "1")), "trustPolicies[0].name is no string"),
    (document(statement.replacing("{\"name\":\"a\",", with: "{")), "trustPolicies[0].name is missing"),
    (
      document(statement.replacing("\"name\"", with: "\"trustStores\":[],\"name\"")),
      "it has the property \"trustStores\" twice"
    ),
    (
      document(statement.replacing("\"name\"", with: "\"globalPolicy\":true,\"name\"")),
      "trustPolicies[0].globalPolicy is not known"
    ),
    (
      document(statement.replacing("[\"r.example/x\"]", with: "[]")),
      "trustPolicies[0].registryScopes is empty"
    ),
    (
      document(statement.replacing("[\"r.example/x\"]", with: "[1]")),
      "registryScopes has an element that is no string"
    ),
    (document(statement.replacing("[\"r.example/x\"]", with: "[\"*\",\"r.example/x\"]")), "expected * alone"),
    (document(statement.replacing("r.example/x", with: "r.example/*")), "expected * alone"),
    (document(statement.replacing("r.example/x", with: "x")), "has no registry"),
    (document(statement.replacing("r.example/x", with: "r.example/x:1")), "is not a repository name"),
    (document(statement.replacing("r.example/x", with: "https://r.example/x")), "is not a registry"),
    (document(statement.replacing("r.example/x", with: "r.example/X")), "is not a repository name"),
    (
      document(statement.replacing("\"r.example/x\"", with: "\"r.example/x\",\"r.example/x\"")),
      "as trustPolicies[0] has"
    ),
    (
      document(statement.replacing("strict", with: "Strict")),
      "signatureVerification.level is \"Strict\": expected strict, permissive, audit, skip"
    ),
    (
      document(statement.replacing("{\"level\":\"strict\"}", with: "{}")),
      "trustPolicies[0].signatureVerification.level is missing"
    ),
    (
      document(statement.replacing("{\"level\":\"strict\"}", with: "\"strict\"")),
      "trustPolicies[0].signatureVerification is no JSON object"
    ),
    (
      document(statement.replacing("\"level\"", with: "\"verifyTimestamp\":\"never\",\"level\"")),
      "signatureVerification.verifyTimestamp is \"never\""
    ),
    (
      document(statement.replacing("\"level\"", with: "\"override\":{\"integrity\":\"log\"},\"level\"")),
      "override.integrity is not known"
    ),
    (
      document(statement.replacing("\"level\"", with: "\"override\":{\"expiry\":\"skip\"},\"level\"")),
      "override.expiry is skip"
    ),
    (
      document(statement.replacing("\"level\"", with: "\"override\":{\"expiry\":\"no\"},\"level\"")),
      "override.expiry is \"no\""
    ),
    (
      document(statement.replacing("\"level\"", with: "\"override\":[],\"level\"")),
      "signatureVerification.override is no JSON object"
    ),
    (
      document(statement.replacing("strict", with: "skip")),
      "trustPolicies[0].trustStores has no meaning with the level skip"
    ),
    (
      document(statement.replacing("strict", with: "skip").replacing("r.example/x", with: "*")),
      "not for the scope *"
    ),
    (
      document(statement.replacing("\"level\":\"strict\"", with: "\"level\":\"skip\",\"override\":{}")),
      "not for the level skip"
    ),
    (document(statement.replacing("[\"ca:acme\"]", with: "[]")), "trustPolicies[0].trustStores is empty"),
    (
      document(statement.replacing("ca:acme", with: "acme")),
      "trustPolicies[0].trustStores: \"acme\" is no trust store"
    ),
    (document(statement.replacing("ca:acme", with: "x509:acme")), "is no trust store"),
    (document(statement.replacing("ca:acme", with: "ca:../acme")), "is no trust store"),
    (document(statement.replacing("ca:acme", with: "ca:..")), "is no trust store"),
    (document(statement.replacing("ca:acme", with: "ca:")), "is no trust store"),
    (
      document(statement.replacing("x509.subject: C=US, ST=WA, O=acme", with: "C=US, ST=WA, O=acme")),
      "trustPolicies[0].trustedIdentities: \"C=US, ST=WA, O=acme\" is no identity"
    ),
    (
      document(statement.replacing("[\"x509.", with: "[\"*\",\"x509.")),
      "trustedIdentities has * beside others"
    ),
    (
      document(statement.replacing("O=acme\"", with: "O=acme\",\"x509.subject: O=acme,ST=WA,C=US,OU=x\"")),
      "overlap"
    ),
    (document(statement) + "x", "something follows"),
  ])
  func whatIsWrongIsNamedByItsPlace(_ text: String, reason: String) {
    do {
      _ = try NotationTrustPolicy(parsing: Array(text.utf8), from: "/etc/trustpolicy.json")
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains("/etc/trustpolicy.json") && "\(error)".contains(reason), "\(error)")
    }
  }

  @Test(arguments: [
    "x509.subject: C=US, O=acme", "x509.subject: C=US, ST=WA", "x509.subject:",
    "x509.subject: C=US, ST=, O=acme",
    "x509.subject: C=US, ST=WA, O=acme,", "x509.subject: C=US, ST=WA, O=acme, OU",
    "x509.subject: C=US, ST=WA, O=a, O=b",
    "x509.subject: C=US, ST=WA, S=WA, O=a", "x509.subject: C=US, ST=WA, O=a+OU=b",
    "x509.subject: C=US, ST=WA, O=a;b",
    "x509.subject: C=US, ST=WA, O=#0401", "x509.subject: C=US, ST=WA, O=a\\",
    "x509.subject: C=US, ST=WA, O=a\\q",
    "x509.subject: C=US, ST=WA, O=\\ff", "x509.subject: C=US, ST=WA, O=\"a, b\"",
    "x509.subject: C=US, ST=WA, O=a, NAME=b",
    "x509.subject: C=US, ST=WA, O=a, 1.2.=b", "X509.subject: C=US, ST=WA, O=a", "other.id: a", "",
  ])
  func badIdentitiesAreRefused(_ text: String) {
    #expect(throws: InvalidValue.self) { try NotationIdentity(parsing: text) }
  }

  @Test func textAndEscapesAreRead() throws {
    let parts = try DistinguishedNameText.parts(
      #" CN = a\,b\2Bc\ , OU=\  d  e ,2.5.4.10=\C3\A9=é,X="#, of: "it")
    #expect(parts.map(\.name) == ["CN", "OU", "2.5.4.10", "X"])
    #expect(parts.map(\.value) == ["a,b+c ", "  d  e", "é=é", ""])
  }
}
