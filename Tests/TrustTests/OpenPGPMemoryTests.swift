import Foundation
import Testing
import Trust

/// Content is never in memory as a whole, and nothing stays of an operation.
@Suite(.serialized) struct OpenPGPMemoryTests {
  /// Bytes that this process has in memory now.
  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  // Each in a process of its own, in which no other tests run.

  @Test func streamsLargeContent() async {
    await #expect(processExitsWith: .success) {
      try GnuPG.use { gpg in
        try gpg.makeKey("Ann")
        let signer = try OpenPGPSigner(
          secretKey: SecretBytes(gpg.run("--export-secret-keys", "Ann")), passphrase: nil, at: now)
        let size = 300 << 20
        let before = try Self.residentBytes()
        var most = 0
        func zeros() -> (UnsafeMutableRawBufferPointer) throws -> Int {
          var left = size
          return { buffer in
            if left % (10 << 20) == 0 { most = max(most, try Self.residentBytes()) }
            let count = min(buffer.count, left)
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            left -= count
            return count
          }
        }
        let signature = try signer.sign(zeros(), at: now)
        let verdict = try gpg.keyring("Ann").verify(signature, of: zeros(), at: now)
        try #require(verdict.good != nil)
        try #require(most > 0)
        try #require(most - before < 30 << 20)
      }
    }
  }

  @Test func nothingStaysOfAnOperation() async {
    await #expect(processExitsWith: .success) {
      try GnuPG.use { gpg in
        try gpg.makeKey("Ann")
        let secret = SecretBytes(try gpg.run("--export-secret-keys", "Ann"))
        let signer = try OpenPGPSigner(secretKey: secret, passphrase: nil, at: now)
        let keyring = try gpg.keyring("Ann")
        var before = 0
        for round in 0..<1650 {
          // By then, what is made once is there.
          if round == 50 { before = try Self.residentBytes() }
          let signature = try signer.sign(reader(), at: now)
          _ = try keyring.verify(signature, of: reader(), at: now)
          _ = try keyring.verify(Array("hello".utf8), of: reader(), at: now)
          _ = try? OpenPGPKeyring(parsing: Array("hello".utf8), at: now)
        }
        // Loaded keys are 16 KiB in the library, three times in a round, and an input is 33: to lose either would be 75 MiB
        // or more.
        try #require(try Self.residentBytes() - before < 20 << 20)
      }
    }
  }
}
