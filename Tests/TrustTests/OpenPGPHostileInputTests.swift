import Foundation
import Testing
import Trust

@Suite struct OpenPGPHostileInputTests {
  /// Every bit of a signature counts, but for the part of it that is not signed (RFC 4880, section 5.2.3): there, and
  /// where numbers' bits are counted, changes make it bad or do nothing.
  @Test(arguments: ["rsa3072", "ed25519", "nistp256"])
  func noChangedByteMakesAnotherGoodSignature(algorithm: String) throws {
    try GnuPG.use { gpg in
      let fingerprint = try gpg.makeKey("Ann", algorithm)
      let keyring = try gpg.keyring("Ann")
      let signature = try gpg.sign(by: "Ann")
      let small = Array("small".utf8)
      let signed = try gpg.sign(small, by: "Ann")
      let good = try keyring.verify(signature, of: reader(), at: now)
      #expect(good.good != nil)

      let packet = try #require(try Packet.split(signed).first)
      #expect(packet.range.count == signed.count)
      // Version, type and algorithms; the length of the signed part and it; those of the other part; 16 bits of the hash;
      // one or two numbers, each with the count of its bits, of which some are the same number with another count.
      func number(at position: Int) -> Int { Int(signed[position]) << 8 + Int(signed[position + 1]) }
      let version = packet.range.lowerBound + packet.headerLength
      let unhashed = version + 6 + number(at: version + 4)
      var free = Set(unhashed..<(unhashed + 2 + number(at: unhashed)))
      var position = unhashed + 2 + number(at: unhashed) + 2
      while position < signed.count {
        free.insert(position + 1)
        position += 2 + (number(at: position) + 7) / 8
      }
      for position in signed.indices {
        for bit in [0x01, 0x80] as [UInt8] {
          var changed = signed
          changed[position] ^= bit
          let verdict = try keyring.verify(changed, of: reader(small), at: now)
          if free.contains(position) {
            #expect(verdict.good.map(\.fingerprint) ?? fingerprint == fingerprint)
          } else {
            #expect(verdict.good == nil, "byte \(position)")
          }
        }
      }
    }
  }

  @Test func refusesWhatIsNoSignature() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let keyring = try gpg.keyring("Ann")
      let signature = try gpg.sign(by: "Ann")
      let armored = try gpg.sign(by: "Ann", armor: true)
      try gpg.run("-u", "Ann", "-o", "inline", "--sign", "content")
      try gpg.run("-u", "Ann", "-o", "clear", "--clearsign", "content")
      for nothing in [[], Array(" \n\t".utf8)] {
        let verdict = try keyring.verify(nothing, of: reader(), at: now)
        #expect(verdict == .bad([.noSignature]))
      }
      let garbage = (0..<OpenPGPKeyring.maximumSignatureSize).map { _ in UInt8.random(in: .min ... .max) }
      var changedArmor = armored
      changedArmor[armored.count / 2] = changedArmor[armored.count / 2] == 0x41 ? 0x42 : 0x41
      let bad: [[UInt8]] = [
        [0], Array("hello".utf8), garbage, try gpg.run("--export"), changedArmor,
        // Something after a good signature, and messages that are good themselves.
        signature + Array("more".utf8), signature + [0xcb, 8] + Array("b\u{0}\u{0}\u{0}\u{0}\u{0}hi".utf8),
        Array(try gpg.read("inline").prefix(60_000)), Array(try gpg.read("clear").prefix(60_000)),
      ]
      for bytes in bad {
        let verdict = try keyring.verify(bytes, of: reader(), at: now)
        #expect(verdict.good == nil, "\(bytes.prefix(8))")
        #expect(!verdict.refusals.isEmpty)
      }
      #expect(throws: TrustError.tooLarge(what: "the signature", limit: OpenPGPKeyring.maximumSignatureSize))
      {
        _ = try keyring.verify(garbage + [0], of: reader(), at: now)
      }
    }
  }

  @Test func aCutOffSignatureIsNone() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann", "nistp256")
      let keyring = try gpg.keyring("Ann")
      let small = Array("small".utf8)
      for signature in [try gpg.sign(small, by: "Ann"), try gpg.sign(small, by: "Ann", armor: true)] {
        // The last line of an armor is not needed to read it.
        for length in 0..<(signature.count - 40) {
          let verdict = try keyring.verify(Array(signature.prefix(length)), of: reader(small), at: now)
          #expect(verdict.good == nil, "\(length) of \(signature.count)")
        }
      }
    }
  }

  @Test func passesOnWhatTheReaderThrows() throws {
    struct Broken: Error {}
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let keyring = try gpg.keyring("Ann")
      let signature = try gpg.sign(by: "Ann")
      let read = reader()
      var pieces = 0
      #expect(throws: Broken.self) {
        _ = try keyring.verify(
          signature,
          of: { buffer in
            pieces += 1
            if pieces > 3 { throw Broken() }
            return try read(buffer)
          }, at: now)
      }
    }
  }

  /// The library would write about it to standard error, which is the user's.
  @Test func badInputPrintsNothing() throws {
    try GnuPG.use { gpg in
      try gpg.makeKey("Ann")
      let keyring = try gpg.keyring("Ann")
      let signature = try gpg.sign(by: "Ann")
      try gpg.write("printed", [])
      let kept = dup(STDERR_FILENO)
      let file = open(gpg.home + "/printed", O_WRONLY | O_APPEND)
      #expect(kept >= 0 && file >= 0)
      dup2(file, STDERR_FILENO)
      let verdicts = Result {
        try [signature, Array("hello".utf8)].map { try keyring.verify($0, of: reader([1]), at: now) }
      }
      FileHandle.standardError.write(Data("the end\n".utf8))
      dup2(kept, STDERR_FILENO)
      close(kept)
      close(file)
      #expect(try verdicts.get().map(\.good) == [nil, nil])
      // Other tests may have printed something meanwhile.
      let printed = String(decoding: try gpg.read("printed"), as: UTF8.self)
      FileHandle.standardError.write(Data(printed.utf8))
      #expect(printed.contains("the end"))
      #expect(!printed.contains("librepgp"))
      #expect(!printed.contains("rnp.cpp"))
    }
  }

  /// The C library's function that is kept from the OpenPGP library still does its work for all others.
  @Test func othersPrintAsBefore() throws {
    let path = "/tmp/kontor-printed-\(UInt32.random(in: .min ... .max))"
    let file = try #require(fopen(path, "w"))
    defer { unlink(path) }
    typealias Print = @convention(c) (UnsafeMutablePointer<FILE>, CInt, UnsafePointer<CChar>) -> CInt
    let function = try #require(dlsym(dlopen(nil, RTLD_NOW), "__fprintf_chk"))
    #expect(unsafeBitCast(function, to: Print.self)(file, 1, "100 %%\n") == 6)
    fclose(file)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "100 %\n")
  }

  @Test func verifiesInSeveralThreadsAtOnce() async throws {
    let (keyring, signature) = try GnuPG.use { gpg in
      try gpg.makeKey("Ann", "rsa3072")
      return (try gpg.keyring("Ann"), try gpg.sign(by: "Ann"))
    }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<64 {
        group.addTask {
          let bytes = number % 2 == 0 ? content : Array(content.dropLast())
          let verdict = try keyring.verify(signature, of: reader(bytes), at: now)
          return (verdict.good != nil) == (number % 2 == 0)
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
