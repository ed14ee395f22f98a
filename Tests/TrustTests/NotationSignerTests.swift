import ContainerImage
import Foundation
import Testing

@testable import Trust

@Suite struct NotationSignerTests {
  private let material: NotationMaterial

  init() throws { material = try NotationMaterial.shared }

  private func signer(_ name: String, _ form: KeyPath<NotationMaterial.Key, String> = \.key) throws
    -> NotationSigner
  {
    let key = try #require(material.keys[name])
    return try NotationSigner(
      key: SigningKey(pem: SecretBytes(Array(key[keyPath: form].utf8))), certificates: Array(key.chain.utf8))
  }

  @Test(arguments: ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512"])
  func whatIsSignedIsGood(_ name: String) throws {
    let now = try NotationMaterial.time(NotationMaterial.present)
    for form in [\NotationMaterial.Key.key, \.traditional] {
      let made = try signer(name, form).sign(
        material.manifest, at: now.addingTimeInterval(0.75), expiry: now.addingTimeInterval(60),
        agent: "kontor/test")
      let verdict = try material.verifier().verify(
        made.envelope, mediaType: made.descriptor.mediaType, over: material.manifest,
        in: NotationMaterial.repository,
        at: now.addingTimeInterval(1))
      #expect(verdict.reason == nil)
      let late = try material.verifier().verify(
        made.envelope, mediaType: made.descriptor.mediaType, over: material.manifest,
        in: NotationMaterial.repository,
        at: now.addingTimeInterval(60))
      #expect(late.reason == "it expired at 2026-06-01T00:01:00Z")
      #expect(made.descriptor.digest == Digest(hashing: made.envelope))
    }
  }

  /// Python verifies what Kontor signs, by its own reading of the specification.
  @Test func pythonFindsThemGood() throws {
    let now = try NotationMaterial.time(NotationMaterial.present)
    for name in ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512"] {
      let made = try signer(name).sign(
        material.manifest, at: now, expiry: now.addingTimeInterval(60), agent: "a")
      let found = try JSONDecoder().decode(
        [String: String].self, from: Data(try PythonMaterial.run("notation_verify", input: made.envelope)))
      #expect(
        found == [
          "digest": material.manifest.digest.description, "algorithm": name, "time": "2026-06-01T00:00:00Z",
          "expiry": "2026-06-01T00:01:00Z", "agent": "a",
        ])
    }
  }

  @Test func theManifestIsTheSpecifications() throws {
    let now = try NotationMaterial.time(NotationMaterial.present)
    let made = try signer("ES256").sign(material.manifest, at: now, agent: "a")
    let manifest = try Manifest(parsing: made.manifest, contentType: .ociImageManifest)
    #expect(manifest.artifactType == "application/vnd.cncf.notary.signature")
    #expect(manifest.subject == material.manifest)
    #expect(manifest.layers == [made.descriptor])
    #expect(manifest.layers.first?.mediaType == MediaType("application/jose+json"))
    let config = NotationSignatureManifest.config
    #expect(manifest.config == config.descriptor && config.bytes == Array("{}".utf8))
    #expect(
      config.descriptor.digest.description
        == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    let thumbprints = try #require(manifest.annotations["io.cncf.notary.x509chain.thumbprint#S256"])
    let listed = try JSONDecoder().decode([String].self, from: Data(thumbprints.utf8))
    #expect(listed.count == 3 && listed == made.thumbprints)
    #expect(manifest.annotations["org.opencontainers.image.created"] == "2026-06-01T00:00:00Z")
    #expect(
      NotationSignatureManifest.envelope(of: manifest, over: material.manifest.digest) == made.descriptor)
    #expect(NotationSignatureManifest.envelope(of: manifest, over: made.descriptor.digest) == nil)
  }

  @Test(arguments: [
    ("\"artifactType\":\"application/vnd.cncf.notary.signature\",", ""),
    ("application/jose+json", "application/json"), ("\"subject\"", "\"subject2\""),
  ])
  func otherArtifactsAreNoSignatures(_ part: String, _ other: String) throws {
    let now = try NotationMaterial.time(NotationMaterial.present)
    let made = try signer("ES256").sign(material.manifest, at: now, agent: "a")
    let changed = String(decoding: made.manifest, as: UTF8.self).replacing(part, with: other)
    let manifest = try Manifest(parsing: Array(changed.utf8), contentType: .ociImageManifest)
    #expect(NotationSignatureManifest.envelope(of: manifest, over: material.manifest.digest) == nil)
  }

  /// Older programs have the type as the config's.
  @Test func theOlderFormIsASignature() throws {
    let now = try NotationMaterial.time(NotationMaterial.present)
    let made = try signer("ES256").sign(material.manifest, at: now, agent: "a")
    let changed = String(decoding: made.manifest, as: UTF8.self)
      .replacing("\"artifactType\":\"application/vnd.cncf.notary.signature\",", with: "")
      .replacing("application/vnd.oci.empty.v1+json", with: "application/vnd.cncf.notary.signature")
    let manifest = try Manifest(parsing: Array(changed.utf8), contentType: .ociImageManifest)
    #expect(
      NotationSignatureManifest.envelope(of: manifest, over: material.manifest.digest) == made.descriptor)
  }

  @Test func keysAndCertificatesHaveToSuitEachOther() throws {
    let good = try #require(material.keys["ES256"])
    let other = try #require(material.keys["ES384"])
    for (key, chain, reason) in [
      (other.key, good.chain, "is for another key"), (good.key, "", "cannot be read"),
      (good.key, material.leafPEM, "is no root"),
      (good.key, try #require(material.stores["ca:main"]), "is an authority's"),
    ] {
      do {
        _ = try NotationSigner(
          key: SigningKey(pem: SecretBytes(Array(key.utf8))), certificates: Array(chain.utf8))
        Issue.record("taken: \(reason)")
      } catch {
        #expect("\(error)".contains(reason), "\(error)")
      }
    }
  }

  @Test func nothingIsSignedWithoutAValidCertificate() throws {
    let signer = try signer("ES256")
    for time in ["2025-12-31T00:00:00Z", "2027-01-02T00:00:00Z"] {
      let then = try NotationMaterial.time(time)
      #expect(throws: TrustError.self) { try signer.sign(material.manifest, at: then, agent: "a") }
    }
    let now = try NotationMaterial.time(NotationMaterial.present)
    #expect(throws: TrustError.self) {
      try signer.sign(material.manifest, at: now, expiry: now.addingTimeInterval(0.5), agent: "a")
    }
  }
}
