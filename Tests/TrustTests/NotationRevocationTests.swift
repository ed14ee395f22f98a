import Foundation
import Testing

@testable import Trust

@Suite struct NotationRevocationTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  private func verdict(_ name: String, _ crls: [String], override: String = "") throws -> NotationVerdict {
    try material.verdict(
      name, by: material.verifier(material.policy(override: override), crls: crls))
  }

  @Test(arguments: [
    ("revocable", ["empty"]), ("revocable", ["other"]), ("revocable", ["numbered"]),
    ("revocable", ["old", "empty"]),
    ("revocable", ["forged", "empty"]),
    // Nothing says that its certificates can be revoked, and no list has them.
    ("jws ES256", []), ("jws ES256", ["empty", "revoked", "intermediate revoked"]),
  ])
  func whatNoListHasIsNotRevoked(_ name: String, crls: [String]) throws {
    let found = try verdict(name, crls)
    #expect(found.reason == nil)
  }

  @Test(arguments: [
    ("revocable", ["revoked"], "\"CN=Revocable,O=Wabbit\\, Inc,ST=WA,C=US\" is revoked"),
    ("revocable", ["hold"], "is revoked"),
    ("revocable", ["empty", "revoked"], "is revoked"), ("revocable", ["old revoked", "empty"], "is revoked"),
    ("revocable", ["leaf revoked later"], "is revoked"),
    ("revocable intermediate", ["intermediate revoked"], "is revoked"),
    ("revocable authority", ["authority revoked"], "is revoked"),
    ("revocable authority", ["authority revoked later"], "is revoked"),
    ("revocable authority", ["authority revoked before"], "is revoked"),
    ("revocable authority", ["twice"], "is revoked"),
    ("revocable", ["old"], "it ends at 2026-05-01"), ("revocable", ["early"], "is not for this time"),
    ("revocable", ["forged"], "there is no revocation list"),
    ("revocable", ["other name"], "there is no revocation list"),
    ("revocable", ["tsa"], "there is no revocation list"),
  ])
  func revokedOrUnknownIsBad(_ name: String, crls: [String], reason: String) throws {
    let found = try verdict(name, crls)
    #expect(found.reason == found.failure(.revocation))
    #expect(found.reason?.contains(reason) == true, "\(found.reason ?? "good")")
    let logged = try verdict(name, crls, override: #""revocation":"log""#)
    #expect(logged.reason == nil && logged.notes.count == 1)
    let skipped = try verdict(name, crls, override: #""revocation":"skip""#)
    #expect(skipped.reason == nil && skipped.notes == [])
    #expect(skipped.results.last == NotationVerdict.Result(check: .revocation, action: .skip, failure: nil))
  }

  /// A list may say from when on a key was another's. Only a time stamp proves that a signature is older.
  @Test func whatWasSignedBeforeIsGood() throws {
    let policy = try material.policy(stores: ["ca:main", "tsa:main"])
    for (name, isGood) in [
      ("empty", true), ("leaf revoked later", true), ("leaf revoked before", false), ("revoked", false),
    ] {
      let verifier = try material.verifier(policy, crls: [name])
      let verdict = try material.verdict("stamped and revocable", by: verifier)
      #expect((verdict.reason == nil) == isGood, "\(name)")
    }
  }

  @Test(arguments: [
    ("delta", "delta list"), ("partial", "critical extension 2.5.29.28"),
    ("indirect entry", "critical extension 2.5.29.29"),
    ("garbage", "cannot be read"), ("cut", "cannot be read"), ("no next", "when the next one is due"),
  ])
  func whatIsNoCompleteListIsRefused(_ name: String, reason: String) throws {
    let bytes = Array(try #require(material.crls[name]))
    do {
      _ = try CertificateRevocationList(parsing: bytes, from: "ca.crl")
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains("ca.crl") && "\(error)".contains(reason), "\(error)")
    }
  }

  @Test func listsMayBeInPEM() throws {
    let data = try #require(material.crls["empty"])
    let pem =
      "-----BEGIN X509 CRL-----\n\(data.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed]))\n-----END X509 CRL-----\n"
    let list = try CertificateRevocationList(parsing: Array(pem.utf8), from: "ca.pem")
    #expect(list.thisUpdate == (try NotationMaterial.time("2026-05-20T00:00:00Z")))
    #expect(throws: TrustError.self) {
      try CertificateRevocationList(parsing: Array((pem + pem).utf8), from: "p")
    }
    #expect(throws: TrustError.self) {
      try CertificateRevocationList(parsing: Array(material.leafPEM.utf8), from: "p")
    }
  }
}
