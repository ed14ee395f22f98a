import Foundation
import Testing
import X509

@testable import Trust

@Suite struct NotationTimestampTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  private func verdict(
    _ name: String, timestamps: String? = nil, level: String = "strict", crls: [String] = []
  ) throws -> NotationVerdict {
    let policy = try material.policy(
      level: level, timestamps: timestamps,
      stores: ["ca:main", "ca:self", "signingAuthority:main", "tsa:main"])
    return try material.verdict(name, by: material.verifier(policy, crls: crls))
  }

  @Test(arguments: [
    "stamped", "stamped by RSA", "stamped with an intermediate", "stamped without root",
    "stamped with unrelated",
    "cose stamped", "stamped SHA-512", "stamped at the end",
  ])
  func goodOnesProveThatTheCertificateWasValid(_ name: String) throws {
    let stamped = try verdict(name)
    #expect(stamped.reason == nil)
    guard case .good(_, let signedAt) = stamped.verdict.outcome else { return }
    let day = name == "stamped at the end" ? "2026-05-15T00:00:00Z" : "2026-05-02T00:00:00Z"
    #expect(signedAt == (try NotationMaterial.time(day)))
    // Without a trusted authority nobody looks at the time stamp.
    let unused = try material.verdict(name)
    #expect(unused.reason?.contains("expired at 2026-05-15") == true)
  }

  @Test(arguments: [
    ("stamped at the end roughly", "expired at 2026-05-15T00:00:00Z"),
    ("stamped at the end by baseline", "expired at 2026-05-15T00:00:00Z"),
    ("stamped late", "expired at 2026-05-15T00:00:00Z"), ("stamped early", "is not valid before 2026-04-01"),
    ("stamped for another", "is over something else"), ("stamped by SHA-1", "hash that is not accepted"),
    ("stamped no ESS", "by signing-certificate-v2 which certificate"), ("stamped other ESS", "is missing"),
    ("stamped without certificate", "is missing"), ("stamped changed time", "is over something else"),
    ("stamped other digest", "is over something else"), ("stamped other content", "not over a time stamp"),
    ("stamped broken", "signature does not match"), ("stamped other signer", "is missing"),
    ("stamped attribute twice", "cannot be read"), ("stamped hash mismatch", "not supported"),
    ("stamped untrusted", "does not lead to a root"),
    ("stamped purpose not critical", "timeStamping alone, and critical"),
    ("stamped more purposes", "timeStamping alone"), ("stamped no purpose", "timeStamping alone"),
    ("stamped expired authority", "expired at 2026-01-01"),
    ("stamped authority to come", "is not valid before 2026-05-10"),
    ("stamped wrong usage", "lacks digitalSignature"), ("stamped no authority", "basic constraints lack cA"),
    ("stamped critical extension", "critical extension 1.3.6.1.4.1.99999.2"),
    ("stamped as a CA", "does not lead to a root"), ("stamped by a ring", "does not lead to a root"),
    ("stamped garbage", "cannot be read"), ("stamped nothing", "cannot be read"),
    ("stamped over content", "is over something else"), ("short-lived", "it has no time stamp"),
    ("jws ES256", "it has no time stamp"),
  ])
  func badOnesProveNothing(_ name: String, reason: String) throws {
    let strict = try verdict(name)
    #expect(strict.reason == strict.failure(.authenticTimestamp))
    #expect(strict.reason?.contains(reason) == true, "\(strict.reason ?? "good")")
    let audit = try verdict(name, level: "audit")
    #expect(audit.notes.count == 1)
  }

  @Test func timeStampsCanBeForExpiredCertificatesOnly() throws {
    for name in ["jws ES256", "stamped"] {
      let late = try verdict(name, timestamps: "afterCertExpiry")
      #expect(late.reason == nil)
    }
    let missing = try verdict("short-lived", timestamps: "afterCertExpiry")
    #expect(missing.reason == "it has no time stamp")
    let early = try verdict("early", timestamps: "afterCertExpiry")
    #expect(early.reason?.contains("is not valid before") == true)
  }

  @Test func authoritiesNeedNone() throws {
    let authority = try verdict("by an authority")
    #expect(authority.reason == nil)
  }

  @Test func aRevokedAuthorityProvesNothing() throws {
    let unknown = try verdict("stamped revocable")
    #expect(unknown.reason?.contains("is revoked is not known") == true)
    let known = try verdict("stamped revocable", crls: ["tsa"])
    #expect(known.reason == nil)
    let revoked = try verdict("stamped revocable", crls: ["tsa revoked"])
    #expect(revoked.reason?.contains("is revoked") == true)
  }

  /// OpenSSL made these, at the real present.
  @Test func openSSLsAreGood() throws {
    let made = material.openssl
    let roots = try Certificate.certificates(parsing: Array(made.root.utf8))
    let own = try Certificate.certificates(parsing: Array(made.certificate.utf8))
    let content = Array(made.content.utf8)
    for (name, others) in [("with certificates", []), ("without", own)] {
      let token = try TimestampToken(parsing: Array(try #require(made.tokens[name])))
      let proven = try token.verify(over: content, certificates: others, roots: roots)
      #expect(abs(proven.time.timeIntervalSince1970 - made.at) < 600)
      #expect(abs(proven.latest.timeIntervalSince(proven.earliest) - 3) < 0.001)
      #expect(proven.chain.certificates.count == 2)
      #expect(throws: Refusal.self) {
        try token.verify(over: content + [0], certificates: others, roots: roots)
      }
      #expect(throws: Refusal.self) { try token.verify(over: content, certificates: others, roots: []) }
    }
    let bare = try TimestampToken(parsing: Array(try #require(made.tokens["without"])))
    #expect(throws: Refusal.self) { try bare.verify(over: content, roots: roots) }
  }
}
