/// Checks that a text is JSON that every reader understands alike: the grammar of RFC 8259 without leniency, and no
/// name twice in an object, of which some readers take the first and others the last.
struct StrictJSON {
  /// Deeper nesting is refused; manifests have less than ten levels.
  private static let deepest = 128

  private let bytes: [UInt8]
  private var position = 0

  /// - Parameter isAmbiguous: whether a name of the outermost object could be taken for another one.
  /// - Throws: `InvalidValue`
  static func check(_ bytes: [UInt8], isAmbiguous: (String) -> Bool) throws(InvalidValue) {
    var scanner = StrictJSON(bytes: bytes)
    scanner.skipSpace()
    let names = try scanner.value(depth: 0)
    scanner.skipSpace()
    guard scanner.position == bytes.count else { throw scanner.failure("something follows its end") }
    if let name = names.first(where: isAmbiguous) {
      throw .malformed(
        "the manifest's property \(name.quotedForMessage) differs in case from one of the specification")
    }
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// - Returns: the names, if the value is an object.
  private mutating func value(depth: Int) throws(InvalidValue) -> Set<String> {
    guard depth < Self.deepest else { throw failure("it is nested too deeply") }
    switch peek {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): try array(depth: depth)
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
    return []
  }

  private mutating func object(depth: Int) throws(InvalidValue) -> Set<String> {
    var names: Set<String> = []
    position += 1
    skipSpace()
    if take("}") { return names }
    while true {
      guard peek == UInt8(ascii: "\"") else { throw failure("a property's name is missing") }
      let name = try string()
      guard names.insert(name).inserted else {
        throw .malformed("the manifest is ambiguous: it has the property \(name.quotedForMessage) twice")
      }
      skipSpace()
      guard take(":") else { throw failure("a colon is missing") }
      skipSpace()
      _ = try value(depth: depth + 1)
      skipSpace()
      if take("}") { return names }
      guard take(",") else { throw failure("a comma or a closing brace is missing") }
      skipSpace()
    }
  }

  private mutating func array(depth: Int) throws(InvalidValue) {
    position += 1
    skipSpace()
    if take("]") { return }
    while true {
      _ = try value(depth: depth + 1)
      skipSpace()
      if take("]") { return }
      guard take(",") else { throw failure("a comma or a closing bracket is missing") }
      skipSpace()
    }
  }

  /// - Returns: the text with its escapes decoded: `"a"` and `"\u0061"` are one name.
  private mutating func string() throws(InvalidValue) -> String {
    position += 1
    // Escapes that follow one another: two may make one character.
    var decoded: [UInt16] = []
    var start = position
    var text = ""
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        if start < position {
          text += String(decoding: decoded, as: UTF16.self)
          decoded.removeAll()
          guard let piece = String(validating: bytes[start..<position], as: UTF8.self) else {
            throw failure("it is not UTF-8")
          }
          text += piece
        }
        position += 1
        if byte == UInt8(ascii: "\"") { return text + String(decoding: decoded, as: UTF16.self) }
        decoded.append(try escape())
        start = position
      case 0..<0x20: throw failure("a string has a control character")
      default: position += 1
      }
    }
    throw failure("a string does not end")
  }

  private mutating func escape() throws(InvalidValue) -> UInt16 {
    guard let byte = peek else { throw failure("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "u"):
      let digits = bytes[position...].prefix(4)
      guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
      else { throw failure("a string has a broken \\u escape") }
      position += 4
      return unit
    default: throw failure("a string has an unknown escape")
    }
  }

  private mutating func number() throws(InvalidValue) {
    _ = take("-")
    let startsWithZero = peek == UInt8(ascii: "0")
    let count = digits()
    guard count > 0 else { throw failure("a value is missing") }
    if startsWithZero, count > 1 { throw failure("a number begins with 0") }
    if take("."), digits() == 0 { throw failure("a number has no digits after its point") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw failure("a number has no digits in its exponent") }
    }
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    return position - start
  }

  private mutating func word(_ word: StaticString) throws(InvalidValue) {
    let matches = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
    guard matches else { throw failure("a value is missing") }
    position += word.utf8CodeUnitCount
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  private func failure(_ reason: String) -> InvalidValue {
    .malformed("the manifest is not valid JSON: \(reason), at byte \(position)")
  }
}
