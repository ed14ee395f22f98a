import ContainerImage
import Testing

@Suite struct ContentHasherTests {
  /// FIPS 180-4 examples.
  static let vectors: [(DigestAlgorithm, String, String)] = [
    (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      .sha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      .sha512, "",
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    ),
    (
      .sha512, "abc",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
  ]

  @Test(arguments: vectors)
  func aKnownTextHasItsKnownDigest(algorithm: DigestAlgorithm, text: String, hash: String) {
    #expect(Digest(algorithm, hashing: Array(text.utf8)).description == "\(algorithm.rawValue):\(hash)")
  }

  @Test func aMillionLettersHaveTheirKnownDigest() {
    let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    let hash = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(Digest(hashing: letters).encoded == hash)
  }

  @Test(arguments: DigestAlgorithm.allCases, [1, 63, 64, 65, 127, 128, 129, 1000])
  func theDigestDoesNotDependOnHowContentIsCut(algorithm: DigestAlgorithm, piece: Int) {
    let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var hasher = ContentHasher(algorithm)
    for start in stride(from: 0, to: content.count, by: piece) {
      content[start..<min(start + piece, content.count)].withUnsafeBytes { hasher.update($0) }
    }
    #expect(hasher.digest() == Digest(algorithm, hashing: content))
  }

  /// An upload session asks for the digest, and may go on when it is not the one that was expected.
  @Test func askingForTheDigestDoesNotEndTheHash() {
    var hasher = ContentHasher(.sha256)
    Array("ab".utf8).withUnsafeBytes { hasher.update($0) }
    #expect(hasher.digest() == Digest(hashing: Array("ab".utf8)))
    let copy = hasher
    Array("c".utf8).withUnsafeBytes { hasher.update($0) }
    #expect(hasher.digest() == Digest(hashing: Array("abc".utf8)))
    #expect(copy.digest() == Digest(hashing: Array("ab".utf8)))
  }
}
