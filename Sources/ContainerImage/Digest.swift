/// The identity of content: `algorithm:encoded`, as in the OCI image specification, descriptor.md,
/// section "Digests". A value of this type is always well formed and of a supported algorithm.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
  public let algorithm: DigestAlgorithm
  /// The whole text, for example `sha256:e3b0c4…`.
  public let description: String

  /// The hash in lower-case hexadecimal.
  public var encoded: Substring { description.dropFirst(algorithm.rawValue.utf8.count + 1) }

  /// - Throws: `InvalidValue`: the text is malformed or names an unsupported algorithm.
  public init(parsing text: Substring) throws(InvalidValue) {
    // In one piece of memory nearly always; digests are parsed several times in every request.
    let found =
      text.utf8.withContiguousStorageIfAvailable(Self.algorithm) ?? Self.algorithm(of: Array(text.utf8))
    guard let found else { throw Self.explanation(of: text) }
    algorithm = found
    description = String(text)
  }

  /// - Returns: nil if the text is no digest of a supported algorithm.
  private static func algorithm(of text: some RandomAccessCollection<UInt8>) -> DigestAlgorithm? {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
      let algorithm = DigestAlgorithm.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text[..<colon]) }
      )
    else { return nil }
    let encoded = text[text.index(after: colon)...]
    return encoded.count == algorithm.encodedLength && encoded.allSatisfy(\.isLowerHexadecimal)
      ? algorithm : nil
  }

  /// What is wrong with a text that is no digest.
  private static func explanation(of text: Substring) -> InvalidValue {
    let utf8 = text.utf8
    guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")) else {
      return .malformed(
        "\(text.quotedForMessage) is not a digest: expected algorithm:hex, such as sha256:<64 hex>")
    }
    guard isAlgorithmName(utf8[..<colon]) else {
      return .malformed("\(text.quotedForMessage) is not a digest: its algorithm is malformed")
    }
    let name = String(text[..<colon])
    guard let algorithm = DigestAlgorithm(rawValue: name) else { return .unsupportedAlgorithm(name) }
    return .malformed(
      "\(text.quotedForMessage) is not a digest: \(algorithm.rawValue) takes "
        + "\(algorithm.encodedLength) lower-case hexadecimal characters")
  }

  /// - Throws: as for a part of a text.
  public init(parsing text: String) throws(InvalidValue) { try self.init(parsing: text[...]) }

  /// The digest whose hash is already known as bytes.
  init(algorithm: DigestAlgorithm, hash: some Sequence<UInt8>) {
    var text = algorithm.rawValue + ":"
    text.reserveCapacity(algorithm.rawValue.utf8.count + 1 + algorithm.encodedLength)
    for byte in hash {
      text.unicodeScalars.append(Self.hexadecimal[Int(byte >> 4)])
      text.unicodeScalars.append(Self.hexadecimal[Int(byte & 15)])
    }
    self.algorithm = algorithm
    self.description = text
  }

  private static let hexadecimal = Array("0123456789abcdef".unicodeScalars)

  /// `algorithm-component [algorithm-separator algorithm-component]…` of the digest grammar.
  private static func isAlgorithmName(_ name: some Sequence<UInt8>) -> Bool {
    var componentIsEmpty = true
    for byte in name {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        componentIsEmpty = false
      case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        if componentIsEmpty { return false }
        componentIsEmpty = true
      default:
        return false
      }
    }
    return !componentIsEmpty
  }
}

extension Digest: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self = try Digest(parsing: container.decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension UInt8 {
  var isLowerHexadecimal: Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
  }

  var isLowerAlphanumeric: Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
  }

  package var isAlphanumeric: Bool {
    isLowerAlphanumeric || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
  }
}
