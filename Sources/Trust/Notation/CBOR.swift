/// A value in CBOR (RFC 8949), as far as signatures need it: of a definite length, in the shortest form, no deeper than 16
/// levels, with no key of a map twice.
enum CBOR: Sendable, Hashable {
  case integer(Int64)
  case bytes([UInt8])
  case text(String)
  case array([CBOR])
  case map([CBOR: CBOR])
  indirect case tagged(UInt64, CBOR)
  /// A number that is no integer, an integer beyond 64 bits, true, false, null, or a value without a name: nothing that
  /// a signature has. The bytes are as encoded.
  case other([UInt8])

  static let deepest = 16

  /// - Throws: `Refusal`: the bytes are something else than one value.
  init(parsing bytes: [UInt8]) throws(Refusal) {
    var reader = CBORReader(bytes: bytes)
    self = try reader.value(depth: 0)
    guard reader.isAtEnd else { throw CBORReader.failure("something follows its end", at: reader.position) }
  }

  var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { return bytes }
    return nil
  }

  var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }

  var array: [CBOR]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  var map: [CBOR: CBOR]? {
    if case .map(let map) = self { return map }
    return nil
  }

  /// The head of a value: its major type and its argument, in the shortest form (RFC 8949, section 3).
  static func head(_ majorType: UInt8, _ argument: Int) -> [UInt8] {
    let type = majorType << 5
    return switch argument {
    case ..<24: [type | UInt8(argument)]
    case ..<0x100: [type | 24, UInt8(argument)]
    case ..<0x10000: [type | 25] + bigEndian(argument, 2)
    case ..<0x1_0000_0000: [type | 26] + bigEndian(argument, 4)
    default: [type | 27] + bigEndian(argument, 8)
    }
  }

  private static func bigEndian(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
  }
}

struct CBORReader {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func value(depth: Int) throws(Refusal) -> CBOR {
    guard depth < CBOR.deepest else { throw Self.failure("it is nested too deeply", at: position) }
    let start = position
    let (majorType, information, argument) = try head()
    switch majorType {
    case 0, 1:
      guard let number = Int64(exactly: argument) else { return .other(Array(bytes[start..<position])) }
      return .integer(majorType == 0 ? number : -1 - number)
    case 2: return .bytes(Array(try take(argument)))
    case 3:
      guard let text = String(validating: try take(argument), as: UTF8.self) else {
        throw Self.failure("a text is not UTF-8", at: start)
      }
      return .text(text)
    case 4:
      var elements: [CBOR] = []
      for _ in 0..<(try count(argument)) { elements.append(try value(depth: depth + 1)) }
      return .array(elements)
    case 5:
      var map: [CBOR: CBOR] = [:]
      for _ in 0..<(try count(argument)) {
        let key = try value(depth: depth + 1)
        let isNew = map.updateValue(try value(depth: depth + 1), forKey: key) == nil
        guard isNew else { throw Self.failure("a map has a key twice", at: start) }
      }
      return .map(map)
    case 6: return .tagged(argument, try value(depth: depth + 1))
    default:
      // A simple value of one byte below 32 has to be in the head itself (section 3.3).
      guard information != 24 || argument >= 32 else {
        throw Self.failure("a value is not in the shortest form", at: start)
      }
      return .other(Array(bytes[start..<position]))
    }
  }

  private mutating func head() throws(Refusal) -> (majorType: UInt8, information: UInt8, argument: UInt64) {
    let start = position
    guard let first = bytes[position...].first else { throw Self.failure("it is cut off", at: position) }
    position += 1
    let (majorType, information) = (first >> 5, first & 31)
    guard information >= 24 else { return (majorType, information, UInt64(information)) }
    guard information < 28 else {
      throw Self.failure("a length is not definite, or a value is not well-formed", at: start)
    }
    let argument = try take(UInt64(1 << (information - 24))).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    // Numbers with a point have as many bytes as they want.
    let least: UInt64 = [24, 0x100, 0x10000, 0x1_0000_0000][Int(information - 24)]
    guard majorType == 7 || argument >= least else {
      throw Self.failure("a number is not in the shortest form", at: start)
    }
    return (majorType, information, argument)
  }

  /// Every element takes a byte at least.
  private func count(_ argument: UInt64) throws(Refusal) -> Int {
    guard argument <= UInt64(bytes.count - position) else {
      throw Self.failure("it is cut off", at: position)
    }
    return Int(argument)
  }

  private mutating func take(_ count: UInt64) throws(Refusal) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.count - position) else {
      throw Self.failure("it is cut off", at: position)
    }
    defer { position += Int(count) }
    return bytes[position..<position + Int(count)]
  }

  static func failure(_ reason: String, at position: Int) -> Refusal {
    Refusal("it is not valid CBOR: \(reason), at byte \(position)")
  }
}
