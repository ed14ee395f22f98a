import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct SigstoreVerifierTests {
  /// The table of good signatures and of attacks is in `Materials/sigstore_cases.py`.
  @Test func everySignatureIsJudgedAsExpected() throws {
    let material = try SigstoreMaterial.made.get()
    var good = 0
    for tested in material.cases {
      let finding = try material.finding(tested, by: try material.verifier(tested.config))
      switch finding.verdict.outcome {
      case .good(let signer, let signedAt):
        #expect(tested.expect == "good", "\(tested.name)")
        #expect(finding.verdict.digest?.description == material.digest, "\(tested.name)")
        #expect(finding.predicateType == tested.predicateType, "\(tested.name)")
        #expect(finding.verdict.format == (tested.bundle == nil ? .cosign : .sigstoreBundle))
        let claim = finding.claim?.description
        #expect(claim == (tested.bundle == nil ? material.reference : nil), "\(tested.name)")
        if let time = tested.signedAt { #expect(signedAt?.timeIntervalSince1970 == time, "\(tested.name)") }
        if let subject = tested.subject {
          #expect(signer == .identity(issuer: "https://accounts.example", subject: subject))
        }
        good += 1
      case .bad(let reason):
        let isExpected = tested.expect != "good" && (tested.expect.isEmpty || reason.contains(tested.expect))
        #expect(isExpected, "\(tested.name): \(reason)")
        #expect(finding.claim == nil && finding.predicateType == nil)
      }
    }
    #expect(good > 50 && material.cases.count > good + 100)
  }

  @Test func anAttestationIsNoSignature() throws {
    let material = try SigstoreMaterial.made.get()
    for (name, isSignature) in [
      ("bundle", true), ("bundle of the manifest", true), ("bundle: attestation", false),
    ] {
      let tested = try #require(material.cases.first { $0.name == name })
      let finding = try material.finding(tested, by: try material.verifier(tested.config))
      #expect(finding.verdict.isGood)
      #expect(finding.isGoodSignature == isSignature)
    }
  }

  @Test func aBundleOfAManifestIsOfTheOneAskedFor() throws {
    let material = try SigstoreMaterial.made.get()
    let tested = try #require(material.cases.first { $0.name == "bundle of the manifest" })
    let other = try Digest(parsing: "sha256:" + String(repeating: "0", count: 64))
    let finding = try material.verifier(tested.config).verify(
      bundle: [UInt8](try #require(tested.bundle)), of: [UInt8](material.manifest), digest: other,
      at: Date(timeIntervalSince1970: tested.now))
    #expect(!finding.verdict.isGood)
  }

  @Test func signaturesHaveATag() throws {
    let digest = try Digest(parsing: "sha256:" + String(repeating: "ab", count: 32))
    #expect(CosignSignature.tag(for: digest) == "sha256-" + String(repeating: "ab", count: 32) + ".sig")
  }

  @Test func aBadTrustRootIsRefusedWithItsPlace() throws {
    let material = try SigstoreMaterial.made.get()
    let full = String(decoding: try #require(material.roots["full"]), as: UTF8.self)
    #expect(throws: Never.self) { try SigstoreTrustRoot(parsing: Array(full.utf8)) }
    for (change, replacement, place) in [
      ("trustedroot+json;version=0.1", "trustedroot+json;version=9", "its document"),
      ("\"tlogs\": [", "\"tlogs\": 1, \"x\": [", "tlogs"),
      ("\"logId\": {\"keyId\"", "\"logId\": {\"name\"", "tlogs[0]"),
      ("\"SHA2_256\"", "\"SHA3_256\"", "tlogs[0]"),
      ("\"rawBytes\": \"M", "\"rawBytes\": \"N", "tlogs[0]"),
      ("\"certChain\"", "\"chain\"", "certificateAuthorities[0]"),
      ("\"validFor\": {\"start\": \"20", "\"validFor\": {\"start\": \"xx", "tlogs[0]"),
      ("{", "", "its document"),
    ] {
      let changed = full.replacing(change, with: replacement, maxReplacements: 1)
      #expect(changed != full)
      let error = #expect(throws: TrustError.self) { try SigstoreTrustRoot(parsing: Array(changed.utf8)) }
      guard case .unusable(let what, _) = error else {
        Issue.record("\(change): \(String(describing: error))")
        continue
      }
      #expect(what.contains(place), "\(change)")
    }
    let key = try #require(material.cases.first { $0.config.logKeys != nil }?.config.logKeys?.first)
    #expect(throws: TrustError.self) { try SigstoreTrustRoot(authorities: [[UInt8](key)]) }
    #expect(throws: TrustError.self) { try SigstoreTrustRoot(logKeys: [Array("key".utf8)]) }
    #expect(throws: TrustError.self) { try SigstoreTrustRoot(timestampAuthorities: [[]]) }
    #expect(throws: TrustError.self) {
      try SigstoreTrustRoot(parsing: [UInt8](repeating: 0x20, count: SigstoreTrustRoot.maximumSize + 1))
    }
  }
}
