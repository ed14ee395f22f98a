import ContainerImage
import Foundation
import Testing

@testable import Trust

@Suite struct NotationVerifierTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  @Test(arguments: [
    "jws ES256", "jws ES384", "jws ES512", "jws PS256", "jws PS384", "jws PS512", "cose ES256", "cose ES384",
    "cose ES512", "cose PS256", "cose PS384", "cose PS512", "self-signed", "annotated", "expiring", "zone",
    "by an authority", "unknown header", "cose by an authority", "cose expiring", "cose signed chain",
    "cose unknown header", "not an authority's", "unknown purpose", "unknown extension", "more in the name",
    "RSA root",
  ])
  func goodOnesAreGood(_ name: String) throws {
    let verdict = try material.verdict(name)
    #expect(verdict.reason == nil)
    #expect(verdict.verdict.digest == material.manifest.digest)
    #expect(verdict.statement == "wabbit")
    #expect(verdict.results.map(\.failure) == [nil, nil, nil, nil, nil])
    #expect(Set(verdict.results.map(\.check)) == Set(NotationCheck.allCases))
    #expect(verdict.notes == [])
  }

  @Test func theSignerAndTheTimeAreTold() throws {
    let verdict = try material.verdict("zone").verdict
    guard case .good(.certificate(let subject, let fingerprint), let signedAt) = verdict.outcome else {
      Issue.record("\(verdict)")
      return
    }
    #expect(subject == "CN=Signer,O=Wabbit\\, Inc,ST=WA,C=US")
    #expect(fingerprint.count == 64)
    #expect(signedAt == (try NotationMaterial.time("2026-05-01T00:00:00Z")))
    #expect(verdict.format == .notation)
  }

  /// What breaks the signature, its form, or the rules for certificates: no level lets it pass.
  @Test(arguments: [
    ("changed payload", "does not match"), ("changed header", "does not match"),
    ("changed signature", "does not match"), ("swapped signature", "does not match"),
    ("cut signature", "does not match"), ("empty signature", "does not match"),
    ("der signature", "does not match"), ("cut", "not valid JSON"),
    ("other digest", "it is over sha256:0000"),
    ("other size", "it is over 5 bytes; the manifest has 19"), ("other type", "it is over the media type"),
    ("weak digest", "md5"), ("size as text", "lacks mediaType, digest or size"),
    ("no target", "targetArtifact"),
    ("payload twice", "the payload is ambiguous"), ("payload no json", "the payload is not valid JSON"),
    ("other certificate", "but the certificate's key is for ES384"), ("other key", "does not match"),
    ("empty", "not valid JSON"), ("array", "no JSON object"), ("envelope twice", "the envelope is ambiguous"),
    ("header twice", "the protected header is ambiguous"), ("two signatures", "\"signatures\""),
    ("compact", "not valid JSON"), ("padded", "base64"), ("standard alphabet", "base64"),
    ("line end in base64", "base64"), ("loose base64", "base64"), ("nested", "nested too deeply"),
    ("signed and not", "both signed and not signed"),
    ("alg none", "the header alg"), ("alg HS256", "the header alg"), ("alg RS256", "the header alg"),
    ("alg ES384 for P-256", "made by ES384, but the certificate's key is for ES256"),
    ("alg PS384 for 2048", "made by PS384, but the certificate's key is for PS256"),
    ("alg of another kind", "made by PS256, but the certificate's key is for ES256"),
    ("alg missing", "the header alg"), ("no crit", "crit is missing"),
    ("empty crit", "crit lacks io.cncf.notary.signingScheme"), ("crit twice", "crit has a name twice"),
    ("crit unknown", "critical header \"exp\""),
    ("crit not there", "critical header \"io.cncf.notary.expiry\""),
    ("crit number", "crit is missing, or is no list"), ("crit b64", "critical header \"b64\""),
    ("expiry not critical", "crit lacks io.cncf.notary.expiry"), ("scheme unknown", "\"notary.x509.other\""),
    ("scheme missing", "signingScheme is missing"), ("time missing", "signingTime"),
    ("time no time", "RFC 3339"), ("time number", "RFC 3339"), ("both times", "and no other one"),
    ("authority without time", "authenticSigningTime"), ("expired before", "expired before it was signed"),
    ("plugin", "plugin"), ("plugin not critical", "plugin"), ("plugin version", "plugin"),
    ("other content type", "content type"), ("no content type", "content type"),
    ("no digitalSignature", "lacks digitalSignature"), ("keyEncipherment", "has keyEncipherment"),
    ("leaf with keyCertSign", "has keyCertSign"), ("leaf with cRLSign", "has cRLSign"),
    ("keyAgreement", "has keyAgreement"), ("no key usage", "has no key usage"),
    ("key usage not critical", "key usage that is not critical"), ("leaf is authority", "is an authority's"),
    ("serverAuth", "extended key usage has serverAuth"),
    ("anyExtendedKeyUsage", "extended key usage has any"),
    ("timeStamping", "extended key usage has timeStamping"), ("emailProtection", "has emailProtection"),
    ("clientAuth", "has clientAuth"), ("OCSPSigning", "extended key usage has"),
    ("Ed25519", "key that is not supported"),
    ("P-224", "a certificate cannot be read"), ("RSA 2560", "key that is not supported"),
    ("RSA 1024", "a certificate cannot be read"), ("no basic constraints", "basic constraints lack cA"),
    ("basic constraints not critical", "or are not critical"),
    ("issued by a leaf", "basic constraints lack cA"),
    ("no keyCertSign", "lacks keyCertSign"), ("CA usage not critical", "key usage that is not critical"),
    ("path too long", "allows 0 authorities below it; there are 1"), ("no root", "is no root"),
    ("only the leaf", "is no root"), ("wrong order", "is no root"), ("root twice", "but is not the last one"),
    ("unrelated certificate", "but is not the last one"),
    ("root of the same name", "is not issued by the next one"),
    ("no chain", "it has 0 certificates"), ("chain of numbers", "x5c"),
    ("chain of garbage", "cannot be read"),
    ("long chain", "it has 11 certificates"), ("cut certificate", "cannot be read"),
    ("SHA-1", "cannot be read"), ("SHA-1 with RSA", "not accepted: SHA-256"),
    ("cose changed payload", "does not match"), ("cose changed header", "does not match"),
    ("cose swapped signature", "does not match"), ("cose cut signature", "does not match"),
    ("cose without payload", "no COSE_Sign1 with a payload"), ("cose untagged", "no COSE_Sign1"),
    ("cose other tag", "no COSE_Sign1"), ("cose cut", "cut off"),
    ("cose and more", "something follows its end"),
    ("cose indefinite", "not definite"), ("cose long number", "shortest form"),
    ("cose huge length", "cut off"),
    ("cose huge array", "cut off"), ("cose nested", "nested too deeply"),
    ("cose algorithm of P-384", "made by ES384, but the certificate's key is for ES256"),
    ("cose algorithm unknown", "the header alg"), ("cose algorithm as text", "the header alg"),
    ("cose key twice", "a map has a key twice"), ("cose signed and not", "both signed and not signed"),
    ("cose header no map", "no map"), ("cose crit number", "crit is missing, or is no list"),
    ("cose crit missing", "crit is missing"), ("cose crit unknown", "critical header \"x\""),
    ("cose time untagged", "with the tag 1"), ("cose time as text", "with the tag 1"),
    ("cose time with fraction", "whole seconds"), ("cose time far away", "whole seconds"),
    ("cose plugin", "plugin"),
    ("cose chain of texts", "no certificate"), ("cose one certificate", "no list"), ("cose as json", "CBOR"),
    ("json as cose", "not valid JSON"), ("other media type", "media type"),
    ("stamped number", "base64"),
  ])
  func brokenOnesAreBadAtEveryLevel(_ name: String, reason: String) throws {
    for level in ["strict", "audit"] {
      let verdict = try material.verdict(name, by: material.verifier(material.policy(level: level)))
      #expect(verdict.reason?.contains(reason) == true, "\(verdict.reason ?? "good")")
      #expect(verdict.results.map(\.check) == [.integrity])
    }
  }

  /// Intact ones that the statement does not trust, or not now: bad if that is enforced, noted if it is logged.
  @Test(arguments: [
    ("untrusted", NotationCheck.authenticity, "in a trust store of the kind ca"),
    ("ca for an authority", .authenticity, "in a trust store of the kind signingAuthority"),
    ("authority as ca", .authenticity, "in a trust store of the kind ca"),
    ("other organization", .authenticity, "none of the trusted identities"),
    ("other state", .authenticity, "none of the trusted identities"),
    ("organization twice", .authenticity, "none of the trusted identities"),
    ("short-lived", .authenticTimestamp, "expired at 2026-05-15T00:00:00Z"),
    ("early", .authenticTimestamp, "is not valid before 2026-07-01T00:00:00Z"),
    ("expired intermediate", .authenticTimestamp, "\"CN=Old CA"),
    ("by an authority too early", .authenticTimestamp, "is not valid before"),
    ("by an authority too late", .authenticTimestamp, "expired at 2027-01-01"),
    ("revocable", .revocation, "there is no revocation list"),
    ("revocable by OCSP", .revocation, "OCSP is not supported"),
  ])
  func untrustedOnesAreBadOrNoted(_ name: String, check: NotationCheck, reason: String) throws {
    let strict = try material.verdict(name)
    #expect(strict.reason == strict.failure(check))
    #expect(strict.failure(check)?.contains(reason) == true, "\(strict.results)")
    #expect(strict.notes == [])

    let audit = try material.verdict(name, by: material.verifier(material.policy(level: "audit")))
    #expect(audit.reason == nil)
    let note = try #require(strict.failure(check))
    #expect(audit.notes == ["\(check.rawValue): \(note)"])

    let permissive = try material.verdict(name, by: material.verifier(material.policy(level: "permissive")))
    #expect((permissive.reason == nil) == (check != .authenticity))
  }

  @Test func expiryIsAtThatSecond() throws {
    for name in ["expiring", "cose expiring"] {
      let before = try material.verdict(name, at: "2026-06-14T23:59:59Z")
      #expect(before.reason == nil)
      let after = try material.verdict(name, at: "2026-06-15T00:00:00Z")
      #expect(after.reason == "it expired at 2026-06-15T00:00:00Z")
      let logged = try material.verdict(
        name, by: material.verifier(material.policy(override: #""expiry":"log""#)), at: "2026-06-15T00:00:00Z"
      )
      #expect(logged.notes == ["expiry: it expired at 2026-06-15T00:00:00Z"])
    }
  }

  @Test func certificatesAreValidToTheirLastSecond() throws {
    let last = try material.verdict("jws ES256", at: "2027-01-01T00:00:00Z")
    #expect(last.reason == nil)
    let late = try material.verdict("jws ES256", at: "2027-01-01T00:00:01Z")
    #expect(late.reason?.contains("expired") == true)
    let first = try material.verdict("jws ES256", at: "2026-01-01T00:00:00Z")
    #expect(first.reason == nil)
    let early = try material.verdict("jws ES256", at: "2025-12-31T23:59:59Z")
    #expect(early.reason?.contains("not valid before") == true)
    // An authority's word for the time holds for longer.
    let proven = try material.verdict("by an authority", at: "2030-01-01T00:00:00Z")
    #expect(proven.reason == nil)
  }

  /// A verdict that is kept has to be made anew when what it rests on ends.
  @Test func goodOnesAreGoodForSomeTime() throws {
    for (name, lists, end) in [
      ("jws ES256", [], "2027-01-01T00:00:00Z"), ("expiring", [], "2026-06-15T00:00:00Z"),
      ("by an authority", [], nil), ("revocable", ["empty"], "2026-06-20T00:00:00Z"),
      ("revocable", [], nil), ("changed payload", [], nil),
    ] {
      let verdict = try material.verdict(name, by: material.verifier(crls: lists))
      let expected = try end.map(NotationMaterial.time)
      #expect(verdict.validUntil == expected, "\(name)")
    }
    let stamping = try material.verifier(material.policy(stores: ["ca:main", "tsa:main"]))
    let stamped = try material.verdict("stamped", by: stamping)
    #expect(stamped.reason == nil && stamped.validUntil == nil)
  }

  @Test func anyCertificateOfTheChainMayBeTheTrustedOne() throws {
    let verifier = try material.verifier(material.policy(stores: ["ca:intermediate"]))
    let verdict = try material.verdict("jws ES256", by: verifier)
    #expect(verdict.reason == nil)
    let other = try material.verdict("self-signed", by: verifier)
    #expect(other.reason?.contains("in a trust store") == true)
  }

  @Test func oneOfSeveralIdentitiesIsEnough() throws {
    let some = try material.policy(
      identities: ["x509.subject:C=US,S=WA,O=Acme", "x509.subject: CN=Signer, O=Wabbit\\2C Inc, ST=WA, C=US"])
    for (name, isGood) in [("jws ES256", true), ("other organization", true), ("self-signed", false)] {
      let verdict = try material.verdict(name, by: material.verifier(some))
      #expect((verdict.reason == nil) == isGood)
    }
    let anybody = try material.verifier(material.policy(identities: ["*"]))
    let verdict = try material.verdict("organization twice", by: anybody)
    #expect(verdict.reason == nil)
  }

  @Test func otherRepositoriesAndSkippedOnesHaveNoGoodSignature() throws {
    let (bytes, mediaType) = try material.envelope("jws ES256")
    let now = try NotationMaterial.time(NotationMaterial.present)
    for repository in [
      "registry.example:5000/net/monitor2", "registry.example/net/monitor", "net/monitor", "*", "",
    ] {
      let verdict = try material.verifier().verify(
        bytes, mediaType: mediaType, over: material.manifest, in: repository, at: now)
      #expect(verdict.reason?.contains("no statement of the trust policy") == true)
      #expect(verdict.statement == nil)
    }
    let skipping = try NotationTrustPolicy(
      parsing: Array(
        #"{"version":"1.0","trustPolicies":[{"name":"off","registryScopes":["r.example/a"],"signatureVerification":{"level":"skip"}}]}"#
          .utf8), from: "p")
    let verdict = try material.verifier(skipping).verify(
      bytes, mediaType: mediaType, over: material.manifest, in: "r.example/a", at: now)
    #expect(verdict.reason?.contains("skips verification") == true)
    #expect(skipping.statement(for: "r.example/a")?.level.base == .skip)
  }

  @Test func anotherManifestIsNotSigned() throws {
    let (bytes, mediaType) = try material.envelope("jws ES256")
    var other = material.manifest
    other.digest = Digest(hashing: Array("other".utf8))
    let verdict = try material.verifier().verify(
      bytes, mediaType: mediaType, over: other, in: NotationMaterial.repository,
      at: try NotationMaterial.time(NotationMaterial.present))
    #expect(verdict.reason == "it is over \(material.manifest.digest), not over \(other.digest)")
    #expect(verdict.verdict.digest == material.manifest.digest)
  }

  @Test func storesAreThere() throws {
    let policy = try material.policy(stores: ["ca:main", "tsa:other"])
    #expect(throws: TrustError.self) { try NotationVerifier(policy: policy, stores: material.trustStores) }
  }

  @Test func storesTakeAuthoritiesOnly() throws {
    let ca = try NotationTrustStore(parsing: "ca:x")
    let tsa = try NotationTrustStore(parsing: "tsa:x")
    var stores = NotationTrustStores()
    try stores.add(Array(material.rootDER), to: ca, from: "root.der")
    #expect(stores.contains(ca))
    #expect(!stores.contains(tsa))
    try stores.add(Array(material.tsaIntermediate.utf8), to: ca, from: "a")
    for (bytes, store) in [
      (Array(material.leafPEM.utf8), ca), (Array(material.tsaIntermediate.utf8), tsa), ([], ca),
      (Array("hello".utf8), ca), (Array(material.rootDER.dropLast()), ca),
      (Array(material.rootDER + [0]), ca),
      (Array(try #require(material.keys["ES256"]).key.utf8), ca),
      (Array(material.leafPEM.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE").utf8), ca),
      (Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8), ca),
    ] {
      #expect(throws: TrustError.self) { try stores.add(bytes, to: store, from: "file.pem") }
    }
    do {
      try stores.add(Array(material.leafPEM.utf8), to: ca, from: "file.pem")
    } catch {
      #expect(
        "\(error)".contains("file.pem") && "\(error)".contains("ca:x") && "\(error)".contains("CN=Signer"))
    }
  }
}
