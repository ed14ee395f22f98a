import ContainerImage
import Foundation
import Testing
import Trust

@Suite struct CosignKeyFileTests {
  /// What `cosign_keys.py` makes.
  struct Material: Decodable {
    let passphrase: String
    let good: [KeyFile]
    let unencrypted: [KeyFile]
    let bad: [BadFile]

    struct KeyFile: Decodable {
      let name: String
      let file: String
      let `public`: String
    }

    struct BadFile: Decodable {
      let name: String
      let file: String
      let error: String
    }

    var secret: SecretBytes { SecretBytes(Array(passphrase.utf8)) }

    static let made = Result { try PythonMaterial.make(Material.self, by: "cosign_keys") }
  }

  @Test func keysOfCosignAreRead() throws {
    let material = try Material.made.get()
    for made in material.good {
      let file = Array(made.file.utf8)
      #expect(CosignKeyFile.isEncrypted(file))
      let key = try CosignKeyFile.read(file, passphrase: material.secret)
      #expect(key.publicKey.pem == made.public, "\(made.name)")
    }
  }

  @Test func keysWithoutAPassphraseAreRead() throws {
    for made in try Material.made.get().unencrypted {
      let file = Array(made.file.utf8)
      #expect(!CosignKeyFile.isEncrypted(file))
      #expect(try SigningKey(pem: SecretBytes(file)).publicKey.pem == made.public, "\(made.name)")
    }
  }

  @Test func whatIsNoKeyFileIsRefused() throws {
    let material = try Material.made.get()
    for made in material.bad {
      let error = #expect(throws: TrustError.self) {
        try CosignKeyFile.read(Array(made.file.utf8), passphrase: material.secret)
      }
      switch error {
      case .wrongPassphrase: #expect(made.error == "wrongPassphrase", "\(made.name)")
      case .unreadableSigningKey: #expect(made.error == "unreadable", "\(made.name)")
      default: Issue.record("\(made.name): \(String(describing: error))")
      }
    }
    let large = [UInt8](repeating: 0x20, count: CosignKeyFile.maximumSize + 1)
    #expect(throws: TrustError.tooLarge(what: "the private key", limit: CosignKeyFile.maximumSize)) {
      try CosignKeyFile.read(large, passphrase: material.secret)
    }
    for text in ["", "key", material.good[0].public, material.good[0].file] {
      #expect(throws: TrustError.self) { try SigningKey(pem: SecretBytes(Array(text.utf8))) }
    }
  }

  struct Made: Encodable {
    let passphrase: String
    let made: [Key]

    struct Key: Encodable {
      let file: String
      let `public`: String
      let payload: Data
      let signature: String
      let bundle: Data
    }
  }

  struct Read: Decodable {
    let payload: String
    let statement: String
    let mediaType: String
  }

  /// Keys, signatures and bundles, read by programs of others, and by this one.
  @Test func whatIsMadeIsGoodForOthers() throws {
    let material = try Material.made.get()
    var keys = [try SigningKey()]
    for made in material.unencrypted where made.file.contains("BEGIN PRIVATE KEY") {
      keys.append(try SigningKey(pem: SecretBytes(Array(made.file.utf8))))
    }
    let digest = Digest(hashing: Array("manifest".utf8))
    let reference = try ImageReference(parsing: "registry.example/library/app:1.0")
    var made: [Made.Key] = []
    for key in keys {
      let signer = SigstoreSigner(key: key)
      #expect(signer.publicKey == key.publicKey)
      let file = try CosignKeyFile.write(key, passphrase: material.secret)
      let signature = try signer.signature(of: digest, as: reference)
      let bundle = try signer.bundle(of: digest)

      let verifier = SigstoreVerifier(signers: .keys([key.publicKey]), requiresLogEntry: false)
      let finding = verifier.verify(signature, of: digest, at: now)
      #expect(
        finding.verdict.outcome == .good(.publicKey(keyID: key.publicKey.keyID), signedAt: nil))
      #expect(finding.claim == reference)
      let bundled = verifier.verify(bundle: bundle, of: [], digest: digest, at: now)
      #expect(bundled.isGoodSignature)
      let text = try #require(signature.annotations["dev.cosignproject.cosign/signature"])
      made.append(
        Made.Key(
          file: String(decoding: file, as: UTF8.self), public: key.publicKey.pem,
          payload: Data(signature.payload), signature: text, bundle: Data(bundle)))
    }
    let input = try JSONEncoder().encode(Made(passphrase: material.passphrase, made: made))
    let output = try PythonMaterial.run("read_signed", input: [UInt8](input))
    let read = try JSONDecoder().decode([Read].self, from: Data(output))
    #expect(read.count == keys.count)
    for one in read {
      #expect(
        one.payload == """
          {"critical":{"identity":{"docker-reference":"\(reference)"},\
          "image":{"docker-manifest-digest":"\(digest)"},"type":"cosign container image signature"},"optional":{}}
          """)
      #expect(
        one.statement == """
          {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"\(digest.encoded)"}}],\
          "predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}
          """)
      #expect(one.mediaType == "application/vnd.dev.sigstore.bundle.v0.3+json")
    }
  }

  @Test func aKeySignsOnlyInItsOwnWay() throws {
    let key = try SigningKey()
    #expect(throws: TrustError.self) { try key.sign([1], by: .ed25519) }
    #expect(throws: TrustError.self) { try key.sign([1], by: .rsaPSS(.sha256)) }
    for (scheme, length) in [(SignatureScheme.ecdsa(.sha512, .raw), 64), (.ecdsa(.sha384, .raw), 64)] {
      let signature = try key.sign([1], by: scheme)
      #expect(signature.count == length)
      #expect(key.publicKey.isValidSignature(signature, for: [1] as [UInt8], by: scheme))
    }
    for made in try Material.made.get().unencrypted where made.name == "RSA" {
      let key = try SigningKey(pem: SecretBytes(Array(made.file.utf8)))
      let signature = try key.sign([1], by: .rsaPSS(.sha384))
      #expect(key.publicKey.isValidSignature(signature, for: [1] as [UInt8], by: .rsaPSS(.sha384)))
      #expect(throws: TrustError.self) { try key.sign([1], by: .ecdsa(.sha256, .der)) }
    }
  }

  @Test func aKeyIsNotPrinted() throws {
    let key = try SigningKey()
    var text = ""
    dump(key, to: &text)
    #expect(
      text + "\(key)" + String(reflecting: key) == Array(repeating: "\(key)", count: 3).joined()
        || text.count < 200)
    #expect("\(key)".contains(key.publicKey.keyID))
  }
}
