import ContainerImage
import Foundation
import Testing

@Suite struct DigestTests {
  static let sha256OfNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  static let sha512 = "sha512:" + String(repeating: "0123456789abcdef", count: 8)
  private static let hex64 = String(repeating: "0123456789abcdef", count: 4)

  @Test(arguments: [
    (sha256OfNothing, DigestAlgorithm.sha256), (sha512, .sha512), ("sha256:\(hex64)", .sha256),
  ])
  func aWellFormedDigestKeepsItsText(text: String, algorithm: DigestAlgorithm) throws {
    let digest = try Digest(parsing: text)
    #expect(digest.description == text)
    #expect(digest.algorithm == algorithm)
    #expect(text == "\(algorithm.rawValue):\(digest.encoded)")
    #expect(digest.encoded.utf8.count == algorithm.encodedLength)
  }

  private static let hex63 = String(hex64.dropLast())

  static let malformed: [String] = [
    "", ":", "sha256", "sha256:", ":\(hex64)", "sha256::\(hex64)",
    // Wrong lengths: one short, one long, and the other algorithm's.
    "sha256:\(hex63)", "sha256:\(hex64)0", "sha512:\(hex64)", "sha256:\(hex64)\(hex64)",
    // Digests are compared as text, so there is one spelling only.
    "sha256:\(hex64.uppercased())", "SHA256:\(hex64)", "Sha256:\(hex64)",
    "sha256:\(hex63)g", "sha256:\(hex63)é",
    " sha256:\(hex64)", "sha256:\(hex64)\n", "sha256: \(hex63)",
    // Would leave the blob directory if it were taken for a file name.
    "sha256:../../../../etc/passwd", "sha256:\(String(repeating: "../", count: 21))a",
    // Algorithm names with empty components.
    "+sha256:\(hex64)", "sha256+:\(hex64)", "sha256..b64u:\(hex64)",
  ]

  @Test(arguments: malformed)
  func aMalformedDigestIsRefused(text: String) {
    let error = #expect(throws: InvalidValue.self) { try Digest(parsing: text) }
    guard case .malformed = error else {
      Issue.record("\(text) gave \(String(describing: error))")
      return
    }
  }

  @Test(arguments: [
    ("md5:d41d8cd98f00b204e9800998ecf8427e", "md5"), ("sha384:\(hex64)", "sha384"),
    ("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "sha256+b64u"), ("blake3:\(hex64)", "blake3"),
  ])
  func aDigestOfAnotherAlgorithmSaysSo(text: String, algorithm: String) {
    #expect(throws: InvalidValue.unsupportedAlgorithm(algorithm)) { try Digest(parsing: text) }
  }

  @Test func decodingRefusesWhatParsingRefuses() throws {
    let digest = try Digest(parsing: Self.sha256OfNothing)
    let encoded = try JSONEncoder().encode([digest])
    #expect(String(decoding: encoded, as: UTF8.self) == "[\"\(Self.sha256OfNothing)\"]")
    #expect(try JSONDecoder().decode([Digest].self, from: encoded) == [digest])
    #expect(throws: (any Error).self) {
      try JSONDecoder().decode([Digest].self, from: Data("[\"sha256:abc\"]".utf8))
    }
  }

  /// Messages go to logs and terminals: neither may be filled or steered by what a client sends.
  @Test func aMessageQuotesHostileTextShortAndWithoutControlCharacters() throws {
    let hostile = "sha256:\u{1b}[2J\n" + String(repeating: "a", count: 100_000)
    let error = #expect(throws: InvalidValue.self) { try Digest(parsing: hostile) }
    let message = try #require(error).description
    #expect(message.utf8.count < 400)
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
  }
}
