import Foundation
import Testing
import Trust

@Suite struct OpenPGPVerificationTests {
  private let signed = Date(timeIntervalSince1970: 1_800_000_000)

  @Test(arguments: ["rsa3072", "ed25519", "nistp256", "nistp384"])
  func acceptsWhatGnuPGSigns(algorithm: String) throws {
    try GnuPG.use { gpg in
      let fingerprint = try gpg.makeKey("Ann <ann@example.com>", algorithm)
      let keyring = try gpg.keyring("Ann")
      for armor in [false, true] {
        for content in [content, []] {
          let signature = try gpg.sign(content, by: "Ann", armor: armor, at: signed)
          let verdict = try keyring.verify(signature, of: reader(content), at: now)
          let good = try #require(verdict.good, "\(verdict)")
          #expect(good.fingerprint == fingerprint)
          #expect(good.primaryFingerprint == fingerprint)
          #expect(good.userIDs == ["Ann <ann@example.com>"])
          #expect(good.signedAt == signed)
        }
      }
    }
  }

  @Test func namesTheSubkeyThatSigned() throws {
    try GnuPG.use { gpg in
      let primary = try gpg.makeKey("Ann", usage: "cert")
      try gpg.run("--quick-add-key", "\(primary)", "nistp256/ecdsa", "sign")
      let verdict = try gpg.keyring("Ann").verify(gpg.sign(by: "Ann"), of: reader(), at: now)
      let good = try #require(verdict.good, "\(verdict)")
      #expect(good.primaryFingerprint == primary)
      #expect(try good.fingerprint == gpg.fingerprint("Ann", part: 1))
    }
  }

  @Test func refusesOtherContentAndOtherKeys() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann")
      let ben = try gpg.makeKey("Ben")
      let signature = try gpg.sign(by: "Ann")
      let keyring = try gpg.keyring("Ann")
      for position in [0, 1, content.count / 2, content.count - 1] {
        var other = content
        other[position] ^= 1
        let verdict = try keyring.verify(signature, of: reader(other), at: now)
        #expect(verdict == .bad([.wrongSignature(by: ann)]))
      }
      for other in [[], Array(content.dropLast()), content + [0]] {
        let verdict = try keyring.verify(signature, of: reader(other), at: now)
        #expect(verdict == .bad([.wrongSignature(by: ann)]))
      }
      let byBen = try gpg.sign(by: "Ben")
      let unknown = try keyring.verify(byBen, of: reader(), at: now)
      #expect(unknown == .bad([.unknownKey(ben.keyID)]))
      let nobody = try OpenPGPKeyring().verify(signature, of: reader(), at: now)
      #expect(nobody == .bad([.unknownKey(ann.keyID)]))
    }
  }

  @Test func oneGoodSignatureOfSeveralIsEnough() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann")
      let ben = try gpg.makeKey("Ben")
      let both = try gpg.sign(by: "Ann", "-u", "Ben", armor: true)
      for (keyring, signer) in [(try gpg.keyring("Ann"), ann), (try gpg.keyring("Ben"), ben)] {
        let verdict = try keyring.verify(both, of: reader(), at: now)
        #expect(verdict.good?.fingerprint == signer)
      }
      try gpg.makeKey("Eve")
      let neither = try gpg.keyring("Eve").verify(both, of: reader(), at: now)
      #expect(Set(neither.refusals) == [.unknownKey(ann.keyID), .unknownKey(ben.keyID)])
      #expect(neither.refusals.count == 2)
    }
  }

  @Test func timesCount() throws {
    try GnuPG.use { gpg in
      let made = signed - 10 * day
      let ann = try gpg.makeKey("Ann", expire: "20d", at: made)
      let keyring = try gpg.keyring("Ann", at: signed)
      let signature = try gpg.sign(by: "Ann", at: signed)
      func verdict(_ signature: [UInt8], _ time: Date) throws -> OpenPGPVerdict {
        try keyring.verify(signature, of: reader(), at: time)
      }
      let inTime = try verdict(signature, signed + day)
      #expect(inTime.good?.signedAt == signed)
      let late = try verdict(signature, made + 21 * day)
      #expect(late == .bad([.expiredKey(ann, expired: made + 20 * day, validWhenSigned: true)]))
      let early = try verdict(signature, signed - 1)
      #expect(early == .bad([.signedInTheFuture(by: ann, signed: signed)]))
      let ancient = try verdict(signature, Date(timeIntervalSince1970: -5))
      #expect(ancient.good == nil)

      let short = try gpg.sign(by: "Ann", "--default-sig-expire", "2d", at: signed)
      let fresh = try verdict(short, signed + day)
      #expect(fresh.good != nil)
      let stale = try verdict(short, signed + 3 * day)
      #expect(stale == .bad([.expiredSignature(by: ann, expired: signed + 2 * day)]))

      // As if it had been shortened later: the signature is younger than the key's end.
      try gpg.run("--quick-set-expire", "\(ann)", "5d", at: made + 1)
      let shortened = try gpg.keyring("Ann", at: made + 2 * day)
      let afterEnd = try shortened.verify(signature, of: reader(), at: signed + day)
      guard case .expiredKey(ann, _, validWhenSigned: false) = afterEnd.refusals.first else {
        Issue.record("\(afterEnd)")
        return
      }
    }
  }

  @Test func expiredSubkeysDoNotCount() throws {
    try GnuPG.use { gpg in
      let primary = try gpg.makeKey("Ann", usage: "cert", at: signed - day)
      try gpg.run("--quick-add-key", "\(primary)", "ed25519", "sign", "2d", at: signed - day)
      let subkey = try gpg.fingerprint("Ann", part: 1)
      let signature = try gpg.sign(by: "Ann", at: signed)
      let keyring = try gpg.keyring("Ann")
      let inTime = try keyring.verify(signature, of: reader(), at: signed + 1)
      #expect(inTime.good?.fingerprint == subkey)
      let late = try keyring.verify(signature, of: reader(), at: now)
      #expect(late == .bad([.expiredKey(subkey, expired: signed + day, validWhenSigned: true)]))
    }
  }

  /// Whatever the reason: 0 none, 1 compromised, 2 superseded, 3 no longer used.
  @Test(arguments: 0...3) func revokedKeysDoNotCount(reason: Int) throws {
    try GnuPG.use { gpg in
      let made = signed - day
      let ann = try gpg.makeKey("Ann", usage: "sign,cert", at: made)
      let signature = try gpg.sign(by: "Ann", at: signed)
      try gpg.run(
        "--command-fd", "0", "--no-batch", "-o", "revocation", "--gen-revoke", "Ann", at: signed + day,
        input: "y\n\(reason)\n\ny\n")
      try gpg.run("--import", "revocation", at: signed + day)
      let keyring = try gpg.keyring("Ann")
      #expect(keyring.keys.map(\.primary.isRevoked) == [true])
      let verdict = try keyring.verify(signature, of: reader(), at: now)
      #expect(verdict == .bad([.revokedKey(ann)]))
    }
  }

  @Test func revokedSubkeysDoNotCount() throws {
    try GnuPG.use { gpg in
      let primary = try gpg.makeKey("Ann", usage: "cert", at: signed - day)
      try gpg.run("--quick-add-key", "\(primary)", "ed25519", "sign", at: signed - day)
      let subkey = try gpg.fingerprint("Ann", part: 1)
      let signature = try gpg.sign(by: "Ann", at: signed)
      let before = try gpg.keyring("Ann").verify(signature, of: reader(), at: now)
      #expect(before.good != nil)
      try gpg.run(
        "--command-fd", "0", "--no-batch", "--edit-key", "Ann", at: signed + day,
        input: "key 1\nrevkey\ny\n0\n\ny\nsave\n")
      let after = try gpg.keyring("Ann").verify(signature, of: reader(), at: now)
      #expect(after == .bad([.revokedKey(subkey)]))
    }
  }

  @Test func onlySigningKeysCount() throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", usage: "sign,cert", at: signed - day)
      let signature = try gpg.sign(by: "Ann", at: signed - day)
      // S is toggled, then it is done.
      try gpg.run(
        "--command-fd", "0", "--no-batch", "--edit-key", "Ann", at: signed,
        input: "change-usage\nS\nQ\nsave\n")
      let keyring = try gpg.keyring("Ann")
      #expect(keyring.keys.map(\.primary.usage) == [[.certify]])
      let verdict = try keyring.verify(signature, of: reader(), at: now)
      #expect(verdict == .bad([.notASigningKey(ann)]))
    }
  }

  @Test func keysNeedTheirOwnSignatures() throws {
    try GnuPG.use { gpg in
      let primary = try gpg.makeKey("Ann", usage: "cert")
      try gpg.run("--quick-add-key", "\(primary)", "ed25519", "sign")
      let subkey = try gpg.fingerprint("Ann", part: 1)
      let signature = try gpg.sign(by: "Ann")
      let key = try gpg.run("--export", "Ann")
      // Key, user ID, its certification, subkey, its binding.
      let packets = try Packet.split(key)
      #expect(packets.map(\.tag) == [6, 13, 2, 14, 2])
      var altered = key
      altered[packets[4].range.upperBound - 1] ^= 1
      let unbound = Array(key[..<packets[4].range.lowerBound])
      for bytes in [altered, unbound] {
        let keyring = try OpenPGPKeyring(parsing: bytes, at: now)
        let verdict = try keyring.verify(signature, of: reader(), at: now)
        #expect(verdict == .bad([.uncertifiedKey(subkey)]))
      }

      // A subkey that another key takes for its own.
      try gpg.makeKey("Eve", usage: "cert")
      let stolen = try gpg.run("--export", "Eve") + key[packets[3].range.lowerBound...]
      let verdict = try OpenPGPKeyring(parsing: stolen, at: now).verify(signature, of: reader(), at: now)
      #expect(verdict == .bad([.uncertifiedKey(subkey)]))
    }
  }

  /// Today's, and one that claims to be from when the library's own rules still allowed the algorithm.
  @Test(arguments: ["SHA1", "RIPEMD160"], [1_300_000_000, 1_800_000_000])
  func refusesWeakAlgorithms(hash: String, time: Double) throws {
    try GnuPG.use { gpg in
      let time = Date(timeIntervalSince1970: time)
      try gpg.makeKey("Ann", "rsa3072", at: time)
      let keyring = try gpg.keyring("Ann")
      let weak = try gpg.sign(by: "Ann", "--digest-algo", hash, at: time)
      let verdict = try keyring.verify(weak, of: reader(), at: now)
      #expect(verdict == .bad([.weakAlgorithm(hash)]))
      let strong = try gpg.sign(by: "Ann", "--digest-algo", "SHA512", at: time)
      let good = try keyring.verify(strong, of: reader(), at: now)
      #expect(good.good != nil)
    }
  }

  @Test func refusesSignaturesOverText() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let text = Array("one\ntwo\n".utf8)
      let signature = try gpg.sign(text, by: "Ann", "--textmode")
      let verdict = try gpg.keyring("Ann").verify(signature, of: reader(text), at: now)
      #expect(verdict == .bad([.signedAsText]))
    }
  }
}
