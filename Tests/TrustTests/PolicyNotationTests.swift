import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct PolicyNotationTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  private static let trustPolicy = #"""
    {"version":"1.0","trustPolicies":[{"name":"wabbit","registryScopes":["SCOPE"],
    "signatureVerification":{"level":"LEVEL"},"trustStores":["ca:main"],"trustedIdentities":["IDENTITY"]}]}
    """#

  private func trustPolicy(
    level: String = "strict", scope: String = NotationMaterial.repository, identity: String = "*"
  ) -> String {
    Self.trustPolicy.replacing("LEVEL", with: level).replacing("SCOPE", with: scope)
      .replacing("IDENTITY", with: identity)
  }

  private func policy(_ rest: String, _ files: [String: String] = [:]) throws -> Policy {
    var all = files.mapValues { Array($0.utf8) }
    all["/trust/x509/ca/main/root.pem"] = Array(try #require(material.stores["ca:main"]).utf8)
    let time = try NotationMaterial.time(NotationMaterial.present)
    return try Policy(#"{"default":[{"type":"notation",\#(rest)}]}"#, all, at: time)
  }

  private func decision(
    _ policy: Policy, _ names: String..., asked: String = NotationMaterial.repository + ":v1"
  ) throws -> PolicyDecision {
    let image = try PolicyImage(
      .registry(ImageReference(parsing: asked)), manifest: Array(#"{"schemaVersion":2}"#.utf8),
      mediaType: material.manifest.mediaType)
    let signatures = try names.map { name in
      let (bytes, mediaType) = try material.envelope(name)
      return SignatureEvidence.Notation(envelope: bytes, mediaType: mediaType)
    }
    let time = try NotationMaterial.time(NotationMaterial.present)
    return policy.evaluate(image, SignatureEvidence(notation: signatures), at: time)
  }

  @Test func asksForSignatures() throws {
    let strict = try policy(#""trustPolicy":\#(trustPolicy()),"trustStorePath":"/trust""#)
    let good = try decision(strict, "jws ES256")
    #expect(good.isAllowed, "\(good.reasons)")
    // When the first of its certificates expires.
    #expect(good.validUntil != nil)
    #expect(good.rule.formats == [.notation])
    #expect(try decision(strict, "cut", "jws ES256").isAllowed)
    let refusals: [(PolicyDecision, String)] = [
      (try decision(strict), "there is no signature (notation)"),
      (try decision(strict, "cut"), "none of its signatures (notation) is good: "),
      (try decision(strict, "other digest"), "none of its signatures (notation) is good: "),
      (try decision(strict, "self-signed"), "is in a trust store"),
      (
        try decision(strict, "jws ES256", asked: "registry.example:5000/net/other:v1"),
        "no statement of the trust policy"
      ),
    ]
    for (decision, reason) in refusals {
      #expect(!decision.isAllowed)
      #expect(decision.reasons.first?.contains(reason) == true, "\(decision.reasons)")
    }
    let image = try PolicyImage(
      .path("/images", in: "oci"), manifest: Array(#"{"schemaVersion":2}"#.utf8),
      mediaType: material.manifest.mediaType)
    let (bytes, mediaType) = try material.envelope("jws ES256")
    let unnamed = strict.evaluate(
      image, SignatureEvidence(notation: [.init(envelope: bytes, mediaType: mediaType)]), at: now)
    #expect(unnamed.reasons.first?.contains("nothing says which repository") == true)
  }

  /// At a level that lets unknown signers pass, they do not pass here.
  @Test(arguments: ["permissive", "audit", "skip"]) func trustsNobodyUnknown(level: String) throws {
    let document = trustPolicy(level: level).replacing(
      level == "skip" ? #","trustStores":["ca:main"],"trustedIdentities":["*"]"# : "-", with: "")
    let lax = try policy(#""trustPolicy":\#(document),"trustStorePath":"/trust""#)
    #expect(try !decision(lax, "self-signed").isAllowed)
    #expect(try decision(lax, "jws ES256").isAllowed == (level != "skip"))
  }

  @Test func readsTheFilesThatAreNamed() throws {
    let named = try policy(
      #""trustPolicyPath":"/policy","trustStorePath":"/trust""#, ["/policy": trustPolicy()])
    #expect(try decision(named, "jws ES256").isAllowed)
    let mine = trustPolicy()
    let cases: [(String, [String: String], String)] = [
      (#""trustStorePath":"/trust""#, [:], "default[0]: expected one of trustPolicyPath, trustPolicy"),
      (
        #""trustPolicyPath":"/policy","trustPolicy":{},"trustStorePath":"/trust""#, [:],
        "default[0]: expected one of trustPolicyPath, trustPolicy"
      ),
      (
        #""trustPolicyPath":"/policy","trustStorePath":"/trust""#, [:],
        "default[0].trustPolicyPath: cannot read /policy"
      ),
      (
        #""trustPolicyPath":"/policy","trustStorePath":"/trust""#, ["/policy": "{}"],
        "default[0]: the notation trust policy /policy cannot be used: "
      ),
      (
        #""trustPolicy":{},"trustStorePath":"/trust""#, [:],
        "default[0]: the notation trust policy default[0].trustPolicy cannot be used: "
      ),
      (#""trustPolicy":\#(mine)"#, [:], "default[0].trustStorePath: it is missing"),
      (
        #""trustPolicy":\#(mine),"trustStorePath":"/other""#, [:],
        "default[0].trustStorePath: cannot read /other/x509/ca/main: "
      ),
      (
        #""trustPolicy":\#(mine),"trustStorePath":"/trust""#, ["/trust/x509/ca/main/a.pem": "x"],
        "default[0]: the certificate file /trust/x509/ca/main/a.pem"
      ),
      (
        #""trustPolicy":\#(mine),"trustStorePath":"/trust","crlPath":"/crl""#, [:],
        "default[0].crlPath: cannot read /crl"
      ),
      (
        #""trustPolicy":\#(mine),"trustStorePath":"/trust","crlPaths":["/crl"]"#, ["/crl": "x"],
        "default[0]: the certificate revocation list /crl"
      ),
      (
        #""trustPolicy":\#(mine),"trustStorePath":"/trust","crl":"/crl""#, [:],
        "default[0].crl: it is not known here"
      ),
    ]
    for (rest, files, place) in cases {
      do {
        _ = try policy(rest, files)
        Issue.record("\(rest) is taken")
      } catch {
        #expect("\(error)".hasPrefix("the policy policy.json cannot be used: \(place)"), "\(rest): \(error)")
      }
    }
  }
}
