/// Reads JSON, by the grammar of RFC 8259 without leniency, into an `OrderedJSON`. Its messages name positions, never
/// content: some files have passwords.
struct OrderedJSONParser {
  /// Deeper nesting is refused; manifests have less than ten levels.
  private static let deepest = 128

  private let bytes: [UInt8]
  private let what: String
  private var position = 0

  /// - Parameter what: the document, as the subject of a sentence.
  /// - Throws: `InvalidValue.malformed`
  static func parse(_ bytes: [UInt8], what: String = "it") throws(InvalidValue) -> OrderedJSON {
    var parser = OrderedJSONParser(bytes: bytes, what: what)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.failure("something follows its end") }
    return value
  }

  private init(bytes: [UInt8], what: String) {
    self.bytes = bytes
    self.what = what
  }

  /// Of its first character on, after any space.
  private mutating func value(depth: Int) throws(InvalidValue) -> OrderedJSON {
    guard depth < Self.deepest else { throw failure("it is nested too deeply") }
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    default: return try literal()
    }
  }

  private mutating func members(depth: Int) throws(InvalidValue) -> [OrderedJSON.Member] {
    position += 1
    skipSpace()
    var members: [OrderedJSON.Member] = []
    if take("}") { return members }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw failure("a property's name is missing") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw failure("a colon is missing") }
      members.append(OrderedJSON.Member(name: name, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw failure("a comma or a closing brace is missing") }
    }
  }

  private mutating func elements(depth: Int) throws(InvalidValue) -> [OrderedJSON] {
    position += 1
    skipSpace()
    var elements: [OrderedJSON] = []
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw failure("a comma or a closing bracket is missing") }
    }
  }

  private mutating func string() throws(InvalidValue) -> String {
    position += 1
    var units: [UInt8] = []
    // UTF-16 units of escapes that follow one another: two may make one character.
    var escaped: [UInt16] = []
    while let byte = peek {
      position += 1
      if byte == UInt8(ascii: "\\") {
        escaped.append(try escape())
        continue
      }
      if !escaped.isEmpty {
        units += String(decoding: escaped, as: UTF16.self).utf8
        escaped.removeAll()
      }
      if byte == UInt8(ascii: "\"") {
        guard let text = String(validating: units, as: UTF8.self) else { throw failure("it is not UTF-8") }
        return text
      }
      guard byte >= 0x20 else { throw failure("a string has a control character") }
      units.append(byte)
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

  /// A number or a word, which is kept as it is written.
  private mutating func literal() throws(InvalidValue) -> OrderedJSON {
    let start = position
    switch peek {
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
    return .literal(String(decoding: bytes[start..<position], as: UTF8.self))
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
    .malformed("\(what) is not valid JSON: \(reason), at byte \(position)")
  }
}
