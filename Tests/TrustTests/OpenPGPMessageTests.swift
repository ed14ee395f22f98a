import Foundation
import Testing
import Trust

@Suite struct OpenPGPMessageTests {
  private let limit = 1 << 20

  @Test(arguments: ["rsa3072", "ed25519", "nistp256"])
  func givesTheContentThatGnuPGSigned(algorithm: String) throws {
    try GnuPG.use { gpg in
      let ann = try gpg.makeKey("Ann", algorithm)
      let keyring = try gpg.keyring("Ann")
      for content in [content, []] {
        try gpg.write("content", content)
        for options in [["--compress-level", "0"], ["--compress-algo", "zlib"]] {
          let message = try gpg.run(options[0], options[1], "-u", "Ann", "-o", "-", "--sign", "content")
          let verdict = try keyring.verify(message: message, atMost: limit, at: now)
          guard case .good(content, let signature) = verdict else {
            Issue.record("\(verdict)")
            continue
          }
          #expect(signature.fingerprint == ann)
        }
      }
    }
  }

  @Test func noChangedByteGivesOtherContent() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let keyring = try gpg.keyring("Ann")
      let text = Array("small".utf8)
      try gpg.write("content", text)
      let message = try gpg.run("--compress-level", "0", "-u", "Ann", "-o", "-", "--sign", "content")
      for position in message.indices {
        var changed = message
        changed[position] ^= 1
        let verdict = try? keyring.verify(message: changed, atMost: limit, at: now)
        if case .good(let given, _) = verdict { #expect(given == text, "byte \(position)") }
      }
      for length in message.indices {
        let verdict = try? keyring.verify(message: Array(message.prefix(length)), atMost: limit, at: now)
        if case .good = verdict { Issue.record("\(length) of \(message.count)") }
      }
    }
  }

  @Test func refusesOthers() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let ben = try gpg.makeKey("Ben")
      let keyring = try gpg.keyring("Ann")
      try gpg.write("content", content)
      func verdict(_ message: [UInt8]) throws -> OpenPGPKeyring.Message {
        try keyring.verify(message: message, atMost: limit, at: now)
      }
      let byBen = try verdict(gpg.run("-u", "Ben", "-o", "-", "--sign", "content"))
      #expect(byBen == .bad([.unknownKey(ben.keyID)]))
      let empty = try verdict([])
      #expect(empty == .bad([.noSignature]))
      let others = [
        try gpg.run("-o", "-", "--store", "content"), try gpg.sign(by: "Ann"),
        try gpg.run("-u", "Ann", "-o", "-", "--clearsign", "content"),
        try gpg.run("-u", "Ann", "--passphrase", "x", "-o", "-", "--symmetric", "--sign", "content"),
      ]
      for message in others {
        guard case .bad(let refusals) = try verdict(message) else {
          Issue.record("\(message.prefix(8))")
          continue
        }
        #expect(!refusals.isEmpty)
      }
      let asText = try verdict(gpg.run("-u", "Ann", "--textmode", "-o", "-", "--sign", "content"))
      #expect(asText == .bad([.signedAsText]))
    }
  }

  @Test func limitsTheContent() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      try gpg.write("content", [UInt8](repeating: 0, count: 8 << 20))
      let message = try gpg.run("-u", "Ann", "-o", "-", "--sign", "content")
      #expect(message.count < 100_000)
      let keyring = try gpg.keyring("Ann")
      #expect(throws: TrustError.tooLarge(what: "the signed message's content", limit: limit)) {
        _ = try keyring.verify(message: message, atMost: limit, at: now)
      }
      #expect(throws: TrustError.tooLarge(what: "the signed message", limit: 1000)) {
        _ = try keyring.verify(message: message, atMost: 1000, at: now)
      }
    }
  }
}
