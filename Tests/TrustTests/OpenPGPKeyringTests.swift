import Foundation
import Testing
import Trust

@Suite struct OpenPGPKeyringTests {
  @Test(arguments: [
    ("rsa3072", "RSA 3072"), ("ed25519", "EDDSA Ed25519"), ("nistp256", "ECDSA NIST P-256"),
    ("nistp384", "ECDSA NIST P-384"),
  ])
  func describesKeys(algorithm: String, name: String) throws {
    try GnuPG.use { gpg in
      let made = Date(timeIntervalSince1970: 1_700_000_000)
      let fingerprint = try gpg.makeKey(
        "Ann <ann@example.com>", algorithm, usage: "cert", expire: "100d", at: made)
      let subkey = algorithm.hasPrefix("nist") ? algorithm + "/ecdsa" : algorithm
      try gpg.run("--quick-add-key", "\(fingerprint)", subkey, "sign", "never", at: made + day)
      for armor in [[], ["--armor"]] {
        let exported = try armor.isEmpty ? gpg.run("--export") : gpg.run("--armor", "--export")
        let keyring = try OpenPGPKeyring(parsing: exported, at: now)
        let key = try #require(keyring.keys.first)
        #expect(keyring.keys.count == 1)
        #expect(key.fingerprint == fingerprint)
        #expect(key.userIDs == ["Ann <ann@example.com>"])
        #expect(key.primary.algorithm == name)
        #expect(key.primary.usage == [.certify])
        #expect(key.primary.created == made)
        #expect(key.primary.expires == made + 100 * day)
        #expect(!key.primary.isRevoked)
        #expect(key.subkeys.map(\.usage) == [[.sign]])
        #expect(key.subkeys.map(\.created) == [made + day])
        #expect(key.subkeys.map(\.expires) == [nil])
        #expect(try key.subkeys.map(\.fingerprint) == [gpg.fingerprint("Ann", part: 1)])
      }
    }
  }

  @Test func readsSeveralKeysInOneOrSeveralBlocks() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann")
      let ben = try gpg.makeKey("Ben", "nistp256")
      let together = try OpenPGPKeyring(parsing: gpg.run("--armor", "--export"), at: now)
      let blocks = try gpg.run("--armor", "--export", "Ann") + gpg.run("--armor", "--export", "Ben")
      let apart = try OpenPGPKeyring(parsing: blocks, at: now)
      for keyring in [together, apart] { #expect(keyring.keys.map(\.fingerprint) == [ann, ben]) }

      var sum = try gpg.keyring("Ann")
      sum.add(together)
      #expect(sum.keys.map(\.fingerprint) == [ann, ben])
      let alone = try #require(try sum.armored(ben, at: now))
      #expect(String(decoding: alone, as: UTF8.self).hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
      let readAgain = try OpenPGPKeyring(parsing: alone, at: now)
      #expect(readAgain.keys.map(\.fingerprint) == [ben])
      let missing = try gpg.keyring("Ann").armored(ben, at: now)
      #expect(missing == nil)
    }
  }

  @Test func leavesOutUserIDsThatTheKeyDoesNotCertify() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      try gpg.run("--quick-add-uid", "Ann", "Old Ann")
      try gpg.run("--quick-revoke-uid", "Ann", "Old Ann")
      let exported = try gpg.run("--export")
      // A user ID packet, tag 13, that nothing follows.
      let forged = exported + [0xcd, 3] + Array("Ben".utf8)
      for bytes in [exported, forged] {
        let keyring = try OpenPGPKeyring(parsing: bytes, at: now)
        #expect(keyring.keys.map(\.userIDs) == [["Ann"]])
      }
    }
  }

  @Test func refusesWhatIsNoKeyring() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann", "rsa3072")
      let exported = try gpg.run("--export")
      let armored = try gpg.run("--armor", "--export")
      let signature = try gpg.sign(by: "Ann")
      let garbage = (0..<OpenPGPKeyring.maximumSize).map { _ in UInt8.random(in: .min ... .max) }
      let bad: [[UInt8]] = [
        [], [0], Array("hello".utf8), garbage, signature, Array(exported.dropLast()),
        Array(exported.prefix(100)),
        Array(armored.prefix(armored.count / 2)), Array("-----BEGIN PGP PUBLIC KEY BLOCK-----".utf8),
      ]
      for bytes in bad {
        let error = #expect(throws: TrustError.self) { _ = try OpenPGPKeyring(parsing: bytes, at: now) }
        guard case .unreadableKeys = error else {
          Issue.record("\(bytes.prefix(8)): \(String(describing: error))")
          continue
        }
      }
      #expect(throws: TrustError.tooLarge(what: "the keyring", limit: OpenPGPKeyring.maximumSize)) {
        _ = try OpenPGPKeyring(parsing: garbage + [0], at: now)
      }
    }
  }

  /// The armor's checksum, or the library, finds all of them.
  @Test func noTruncationIsTakenForAKey() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let exported = try gpg.run("--export")
      let ends = Set(try Packet.split(exported).map(\.range.upperBound))
      for length in 0..<exported.count where !ends.contains(length) {
        #expect(throws: TrustError.self) {
          _ = try OpenPGPKeyring(parsing: Array(exported.prefix(length)), at: now)
        }
      }
    }
  }
}
