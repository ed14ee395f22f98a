/// Helpers for text that goes to libldap, or comes from a directory.
enum ByteText {
  private static let digits = Array("0123456789abcdef".utf8)

  /// Two hexadecimal digits.
  static func hexadecimal(_ byte: UInt8) -> String {
    String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
  }

  static func isHexadecimal(_ byte: UInt8) -> Bool { value(ofHexadecimal: byte) != nil }

  static func value(ofHexadecimal byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Whether a text has control characters (Unicode's category Cc: C0, DEL and C1).
  static func hasControls(_ text: String) -> Bool {
    text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// What a directory says about a failure, fit for one line of a log: at most 300 characters, without controls.
  static func printable(_ text: String) -> String {
    let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
    let line = String(String.UnicodeScalarView(scalars)).split(separator: " ").joined(separator: " ")
    return line.count > 300 ? line.prefix(300) + "…" : line
  }

  /// Whether two texts have the same bytes. `==` also takes other compositions of the same characters for equal.
  static func areSame(_ first: String, _ second: String) -> Bool { first.utf8.elementsEqual(second.utf8) }
}
