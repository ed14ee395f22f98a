import Testing

@testable import Trust

@Suite struct CBORTests {
  /// Values of RFC 8949, appendix A.
  @Test(arguments: [
    ("00", CBOR.integer(0)), ("17", .integer(23)), ("1818", .integer(24)), ("1903e8", .integer(1000)),
    ("1b000000e8d4a51000", .integer(1_000_000_000_000)), ("20", .integer(-1)), ("3903e7", .integer(-1000)),
    ("1bffffffffffffffff", .other([0x1b] + Array(repeating: 0xff, count: 8))),
    ("3bffffffffffffffff", .other([0x3b] + Array(repeating: 0xff, count: 8))),
    ("3b7fffffffffffffff", .integer(.min)),
    ("f93c00", .other([0xf9, 0x3c, 0])), ("f4", .other([0xf4])), ("f6", .other([0xf6])),
    ("f8ff", .other([0xf8, 0xff])),
    ("fb3ff199999999999a", .other([0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a])),
    ("c11a514b67b0", .tagged(1, .integer(1_363_896_240))), ("4401020304", .bytes([1, 2, 3, 4])),
    ("40", .bytes([])),
    ("60", .text("")), ("62c3bc", .text("ü")), ("83010203", .array([.integer(1), .integer(2), .integer(3)])),
    ("80", .array([])),
    ("a0", .map([:])),
    ("a26161016162820203", .map([.text("a"): .integer(1), .text("b"): .array([.integer(2), .integer(3)])])),
  ])
  func valuesAreRead(_ hex: String, value: CBOR) throws {
    let read = try CBOR(parsing: bytes(hex))
    #expect(read == value)
  }

  @Test(arguments: [
    ("", "cut off"), ("18", "cut off"), ("19ff", "cut off"), ("44010203", "cut off"), ("8301", "cut off"),
    ("a101", "cut off"), ("c1", "cut off"),
    ("5bffffffffffffffff", "cut off"), ("9bffffffffffffffff", "cut off"), ("bb7fffffffffffffff", "cut off"),
    ("9a7fffffff", "cut off"),
    ("0000", "follows its end"), ("5f4101ff", "not definite"), ("9fff", "not definite"),
    ("bfff", "not definite"), ("ff", "not definite"),
    ("1c", "not well-formed"), ("1800", "shortest form"), ("190001", "shortest form"),
    ("1a0000ffff", "shortest form"),
    ("1b00000000ffffffff", "shortest form"), ("580101", "shortest form"), ("f818", "shortest form"),
    ("61ff", "UTF-8"), ("62c328", "UTF-8"),
    ("a201000100", "a key twice"), ("a2616101616102", "a key twice"),
  ])
  func otherFormsAreRefused(_ hex: String, reason: String) {
    do {
      _ = try CBOR(parsing: bytes(hex))
      Issue.record("taken: \(hex)")
    } catch {
      #expect(error.description.contains(reason), "\(error)")
    }
  }

  @Test func depthIsBounded() throws {
    let deepest = try CBOR(parsing: Array(repeating: 0x81, count: 15) + [0])
    #expect(deepest.array != nil)
    for opening: [UInt8] in [[0x81], [0xa1, 0x00], [0xc1]] {
      let nested = Array(repeatElement(opening, count: 100_000).joined())
      #expect(throws: Refusal.self) { try CBOR(parsing: nested) }
    }
  }

  @Test(arguments: [
    (0, "40"), (23, "57"), (24, "5818"), (255, "58ff"), (256, "590100"), (65_536, "5a00010000"),
    (1 << 32, "5b0000000100000000"),
  ])
  func headsAreShort(_ count: Int, hex: String) {
    #expect(CBOR.head(2, count) == bytes(hex))
  }

  private func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
    }
  }
}
