import ContainerImage

/// Reads a distinguished name as people write it: `C=US, ST=WA, O=acme\, inc` (RFC 4514, section 3), with one attribute in
/// each part, spaces around the parts, and no values in hexadecimal.
struct DistinguishedNameText {
  private var rest: ArraySlice<UInt8>
  private let whole: String

  /// - Parameter whole: what the text is a part of, for messages.
  /// - Returns: names and values in their order, at least one.
  /// - Throws: `InvalidValue.malformed`
  static func parts(
    _ text: Substring, of whole: String
  ) throws(InvalidValue) -> [(name: String, value: String)] {
    var reader = DistinguishedNameText(rest: Array(text.utf8)[...], whole: whole)
    var parts = [try reader.part()]
    while reader.take(",") { parts.append(try reader.part()) }
    return parts
  }

  /// Up to the next comma, or the end.
  private mutating func part() throws(InvalidValue) -> (name: String, value: String) {
    skipSpaces()
    let name = rest.prefix { Self.isNameCharacter($0) }
    rest = rest.dropFirst(name.count)
    skipSpaces()
    guard !name.isEmpty, take("=") else { throw malformed("has a part that is not of the form NAME=VALUE") }
    skipSpaces()
    guard rest.first != UInt8(ascii: "#") else {
      throw malformed("has a value in hexadecimal, which is not supported")
    }
    var value: [UInt8] = []
    // Spaces at the end are none of the value's, unless they are escaped.
    var length = 0
    while let byte = rest.first, byte != UInt8(ascii: ",") {
      rest.removeFirst()
      switch byte {
      case UInt8(ascii: "\\"):
        value.append(try escaped())
        length = value.count
      case UInt8(ascii: " "): value.append(byte)
      case UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), 0:
        throw malformed(
          "has the character \(String(Character(Unicode.Scalar(byte))).quotedForMessage) in a value: write \\ before it"
        )
      default:
        value.append(byte)
        length = value.count
      }
    }
    guard let text = String(validating: value.prefix(length), as: UTF8.self) else {
      throw malformed("has a value that is not UTF-8")
    }
    return (String(decoding: name, as: UTF8.self), text)
  }

  /// What follows a backslash: a character of those that need it, or a byte in two hexadecimal digits.
  private mutating func escaped() throws(InvalidValue) -> UInt8 {
    if let byte = rest.first, " \"#+,;<=>\\".utf8.contains(byte) {
      rest.removeFirst()
      return byte
    }
    let digits = rest.prefix(2)
    guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw malformed("has a \\ before something that needs none") }
    rest = rest.dropFirst(2)
    return byte
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func skipSpaces() { rest = rest.drop { $0 == UInt8(ascii: " ") } }

  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    let scalar = Unicode.Scalar(byte)
    return scalar.properties.isASCIIHexDigit || ("A"..."Z").contains(scalar) || ("a"..."z").contains(scalar)
      || scalar == "." || scalar == "-"
  }

  private func malformed(_ reason: String) -> InvalidValue {
    .malformed("\(whole.quotedForMessage) \(reason)")
  }
}
