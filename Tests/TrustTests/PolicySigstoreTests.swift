import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct PolicySigstoreTests {
  /// What `policy_cases.py` makes.
  private struct Material: Decodable {
    struct Case: Decodable {
      let name: String
      /// A part of the reason; empty if the image is allowed.
      let expect: String
      let rule: String
      let asked: String
      let signatures: [Signature]
      let attestations: [Signature]
      let bundles: [Data]
      let until: Double?
    }

    struct Signature: Decodable {
      let payload: Data
      let annotations: [String: String]
    }

    struct Refused: Decodable {
      let rule: String
      let place: String
    }

    let manifest: Data
    let now: Double
    let cases: [Case]
    let refused: [Refused]
    let files: [String: Data]

    static let made = Result { try PythonMaterial.make(Material.self, by: "policy_cases") }

    var time: Date { Date(timeIntervalSince1970: now) }

    func policy(_ rule: String) throws -> Policy {
      try Policy(#"{"default":\#(rule)}"#, files.mapValues { [UInt8]($0) }, at: time)
    }
  }

  private let material: Material

  init() throws { material = try Material.made.get() }

  @Test func asksForSignatures() throws {
    #expect(material.cases.count > 40)
    for one in material.cases {
      let image = try PolicyImage(
        .registry(ImageReference(parsing: one.asked)), manifest: [UInt8](material.manifest),
        mediaType: .ociImageManifest)
      func layers(_ signatures: [Material.Signature]) -> [CosignSignature] {
        signatures.map { CosignSignature(payload: [UInt8]($0.payload), annotations: $0.annotations) }
      }
      let evidence = SignatureEvidence(
        cosign: layers(one.signatures), cosignAttestations: layers(one.attestations),
        sigstoreBundles: one.bundles.map { [UInt8]($0) })
      let policy = try material.policy(one.rule)
      let decision = policy.evaluate(image, evidence, at: material.time)
      let reasons = decision.reasons.joined(separator: "; ")
      let isForStatements = one.rule.contains("\"predicateType\"")
      #expect(
        decision.rule.formats == [isForStatements ? .cosignAttestation : .cosign, .sigstoreBundle])
      #expect(decision.isAllowed == one.expect.isEmpty, "\(one.name): \(reasons)")
      #expect(one.expect.isEmpty || reasons.contains(one.expect), "\(one.name): \(reasons)")
      #expect(decision.validUntil?.timeIntervalSince1970 == one.until, "\(one.name)")
      #expect(
        !policy.evaluate(image, SignatureEvidence(), at: material.time).isAllowed, "\(one.name), without")
    }
  }

  @Test func refusesRulesThatCannotBeMeant() throws {
    for one in material.refused {
      do {
        _ = try material.policy(one.rule)
        Issue.record("\(one.rule) is taken")
      } catch {
        #expect("\(error)".hasPrefix("the policy policy.json cannot be used: \(one.place)"), "\(one.rule)")
      }
    }
  }
}
