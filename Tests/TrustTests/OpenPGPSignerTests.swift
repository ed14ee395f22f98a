import Foundation
import Testing
import Trust

@Suite struct OpenPGPSignerTests {
  private let time = Date(timeIntervalSince1970: 1_850_000_000)

  private func signer(
    _ gpg: GnuPG, _ user: String, secret: String = "--export-secret-keys", passphrase: String? = nil,
    at time: Date = now
  ) throws -> OpenPGPSigner {
    let exported = try gpg.run("--passphrase", passphrase ?? "", secret, user)
    return try OpenPGPSigner(
      secretKey: SecretBytes(exported), passphrase: passphrase.map { SecretBytes($0.utf8) }, at: time)
  }

  /// As GnuPG's status lines say.
  private func accepts(_ gpg: GnuPG, _ signature: [UInt8], _ fingerprint: OpenPGPFingerprint) throws -> Bool {
    try gpg.write("content", content)
    try gpg.write("content.asc", signature)
    let status = try gpg.run("--status-fd", "1", "--verify", "content.asc", "content", at: now)
    let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
    return lines.contains { $0.hasPrefix("[GNUPG:] VALIDSIG \(fingerprint.description.uppercased()) ") }
  }

  @Test(
    arguments: ["rsa3072", "ed25519", "nistp256", "nistp384"], [OpenPGPSigner.HashAlgorithm.sha256, .sha512])
  func gnuPGAcceptsWhatItSigns(algorithm: String, hash: OpenPGPSigner.HashAlgorithm) throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", algorithm)
      let signer = try signer(gpg, "Ann")
      #expect(signer.key.fingerprint == ann)
      let signature = try signer.sign(reader(), with: hash, at: time)
      #expect(String(decoding: signature, as: UTF8.self).hasPrefix("-----BEGIN PGP SIGNATURE-----"))
      #expect(try accepts(gpg, signature, ann))
      // rkt knows the key by its ID, which newer signatures may leave out.
      let packets = String(decoding: try gpg.run("--list-packets", "content.asc"), as: UTF8.self)
      #expect(packets.contains("(issuer key ID \(ann.keyID.description.uppercased()))"))
      let again = try signer.sign(reader(), with: hash, at: time)
      #expect(again == signature)

      let keyring = try OpenPGPKeyring(parsing: signer.armoredPublicKey(at: now), at: now)
      let verdict = try keyring.verify(signature, of: reader(), at: now)
      #expect(verdict.good?.signedAt == time)
      #expect(verdict.good?.fingerprint == ann)
      let other = try keyring.verify(signature, of: reader([1]), at: now)
      #expect(other == .bad([.wrongSignature(by: ann)]))
    }
  }

  @Test(
    arguments: ["rsa3072", "ed25519", "nistp384"], [OpenPGPSigner.HashAlgorithm.sha256, .sha512])
  func gnuPGReadsTheMessagesThatItSigns(algorithm: String, hash: OpenPGPSigner.HashAlgorithm) throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", algorithm)
      for text in [content, Array("small".utf8)] {
        let message = try signer(gpg, "Ann").sign(message: text, with: hash, at: time)
        try gpg.write("message", message)
        let read = try gpg.run("--status-file", "status", "--decrypt", "message", at: now)
        #expect(read == text)
        let status = String(decoding: try gpg.read("status"), as: UTF8.self)
        #expect(status.contains("[GNUPG:] VALIDSIG \(ann.description.uppercased()) "))
        let verdict = try gpg.keyring("Ann").verify(message: message, atMost: 1 << 20, at: now)
        guard case .good(text, let signature) = verdict else {
          Issue.record("\(verdict)")
          continue
        }
        #expect(signature.fingerprint == ann && signature.signedAt == time && signature.validUntil == nil)
      }
    }
  }

  @Test func usesTheNewestSubkeyThatSigns() throws {
    try GnuPG.use { gpg in
      let primary = try gpg.makeKey("Ann", "rsa3072", usage: "cert,sign", at: time - 9 * day)
      for (algorithm, usage, days) in [
        ("ed25519", "sign", 8.0), ("nistp256/ecdsa", "sign", 7), ("cv25519", "encr", 6),
      ] {
        try gpg.run("--quick-add-key", "\(primary)", algorithm, usage, at: time - days * day)
      }
      let newest = try gpg.fingerprint("Ann", part: 2)
      for secret in ["--export-secret-keys", "--export-secret-subkeys"] {
        let signature = try signer(gpg, "Ann", secret: secret).sign(reader(), at: time)
        #expect(try accepts(gpg, signature, newest))
        let verdict = try gpg.keyring("Ann").verify(signature, of: reader(), at: now)
        #expect(verdict.good?.fingerprint == newest)
      }
    }
  }

  @Test func opensKeysWithTheirPassphrase() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", passphrase: "correct horse")
      let right = try signer(gpg, "Ann", passphrase: "correct horse")
      #expect(try accepts(gpg, right.sign(reader(), at: time), ann))
      let exported = SecretBytes(try gpg.run("--passphrase", "correct horse", "--export-secret-keys", "Ann"))
      let attempts: [(String?, TrustError)] = [
        (nil, .passphraseMissing), ("", .wrongPassphrase), ("battery staple", .wrongPassphrase),
      ]
      for (passphrase, expected) in attempts {
        let signer = try OpenPGPSigner(
          secretKey: exported, passphrase: passphrase.map { SecretBytes($0.utf8) }, at: now)
        let error = #expect(throws: TrustError.self) { _ = try signer.sign(reader(), at: time) }
        #expect(error == expected)
        #expect(!"\(signer)".contains("battery"))
      }
    }
  }

  @Test func saysWhyItCannotSign() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", expire: "9d", at: time)
      let signer = try signer(gpg, "Ann")
      for moment in [time - 1, time + 10 * day] {
        let error = #expect(throws: TrustError.self) { _ = try signer.sign(reader(), at: moment) }
        guard case .noSigningKey = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
      #expect(try accepts(gpg, signer.sign(reader(), at: time + day), ann))

      try gpg.makeKey("Ben")
      let both = try gpg.run("--export-secret-keys")
      let bad = [[], Array("hello".utf8), both, Array(both.prefix(80)), try gpg.run("--export", "Ben")]
      for bytes in bad {
        #expect(throws: TrustError.self) {
          let signer = try OpenPGPSigner(secretKey: SecretBytes(bytes), passphrase: nil, at: now)
          _ = try signer.sign(reader(), at: now)
        }
      }
    }
  }

  @Test func passesOnWhatTheReaderThrows() throws {
    struct Broken: Error {}
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let signer = try signer(gpg, "Ann")
      #expect(throws: Broken.self) { _ = try signer.sign({ _ in throw Broken() }, at: time) }
    }
  }

  @Test func secretsAreNotPrinted() {
    let secret = SecretBytes("correct horse".utf8)
    var dumped = ""
    dump(secret, to: &dumped)
    #expect("\(secret)" == "***")
    #expect(!dumped.contains("horse"))
  }
}
