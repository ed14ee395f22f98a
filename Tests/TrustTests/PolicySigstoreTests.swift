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
      let evidence = SignatureEvidence(
        cosign: one.signatures.map {
          CosignSignature(payload: [UInt8]($0.payload), annotations: $0.annotations)
        }, sigstoreBundles: one.bundles.map { [UInt8]($0) })
      let policy = try material.policy(one.rule)
      let decision = policy.evaluate(image, evidence, at: material.time)
      let reasons = decision.reasons.joined(separator: "; ")
      #expect(decision.rule.formats == [.cosign, .sigstoreBundle])
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

  @Test func skopeoDecidesAlikeAboutWhatItSigned() throws {
    try Skopeo.use { skopeo in
      try skopeo.gpg.write("attachments.yaml", "default-docker:\n  use-sigstore-attachments: true\n".utf8)
      let keys = [try SigningKey(), try SigningKey()]
      for (index, key) in keys.enumerated() {
        try skopeo.gpg.write("cosign\(index).pub", key.publicKey.pem.utf8)
      }
      let passphrase = "correct horse"
      try skopeo.gpg.write(
        "cosign.key", CosignKeyFile.write(keys[0], passphrase: SecretBytes(passphrase.utf8)))
      try skopeo.gpg.write("passphrase", "\(passphrase)\n".utf8)
      let manifest = TestManifest()
      let reference = try skopeo.reference("team/app:v1")
      try skopeo.push(
        manifest, as: reference, "--sign-by-sigstore-private-key", "cosign.key", "--sign-passphrase-file",
        "passphrase")
      try skopeo.push(manifest, as: skopeo.reference("team/app:v2"))
      let signatures = try cosignSignatures(of: manifest, in: skopeo)
      #expect(signatures.count == 1)
      let cases = [
        (0, "", "team/app:v1", true), (1, "", "team/app:v1", false), (0, "", "team/app:v2", false),
        (0, #","signedIdentity":{"type":"matchRepository"}"#, "team/app:v2", true),
        (0, "", "team/app@\(manifest.digest)", true),
      ]
      for (key, identity, asked, isAllowed) in cases {
        let path = "\(skopeo.gpg.home)/cosign\(key).pub"
        let text = #"{"default":[{"type":"sigstoreSigned","keyPath":"\#(path)"\#(identity)}]}"#
        let asked = try skopeo.reference(asked)
        let decision = try Policy(text, [path: skopeo.gpg.read(path)])
          .evaluate(manifest.image(at: .registry(asked)), SignatureEvidence(cosign: signatures), at: now)
        #expect(decision.isAllowed == isAllowed, "\(text): \(decision.reasons)")
        #expect(skopeo.accepts("\(asked)", policy: text) == isAllowed, "\(text), skopeo")
      }
    }
  }

  private func cosignSignatures(of manifest: TestManifest, in skopeo: Skopeo) throws -> [CosignSignature] {
    let tag = CosignSignature.tag(for: manifest.digest)
    let image = try Manifest(
      parsing: skopeo.gpg.read("manifests/team/app/\(tag)"), contentType: nil)
    return try image.layers.map { layer in
      #expect(layer.mediaType == CosignSignature.mediaType)
      return CosignSignature(
        payload: try skopeo.gpg.read("blobs/\(layer.digest)"), annotations: layer.annotations ?? [:])
    }
  }
}
