import ContainerImage

/// What names an OpenPGP key for certain: the 160 bits of a version 4 key (RFC 4880, section 12.2), as 40 lower-case
/// hexadecimal digits.
public struct OpenPGPFingerprint: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Parameter text: in letters of any case.
  /// - Throws: `InvalidValue.malformed` with the rule that the text breaks.
  public init(parsing text: String) throws(InvalidValue) {
    let digits = text.lowercased()
    guard digits.utf8.count == 40, digits.utf8.allSatisfy(\.isLowerHexadecimal) else {
      throw .malformed(
        "\(text.quotedForMessage) is not the fingerprint of an OpenPGP key: expected 40 hexadecimal digits")
    }
    description = digits
  }

  public var keyID: OpenPGPKeyID { OpenPGPKeyID(lowerCase: String(description.suffix(16))) }
}

/// The last 64 bits of a fingerprint, which many signatures name their key by: 16 lower-case hexadecimal digits. Keys
/// with the same one can be made, so that it is only good for messages.
public struct OpenPGPKeyID: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Parameter digits: as the library or a fingerprint gives them.
  init(lowerCase digits: String) { description = digits }
}

extension UInt8 {
  fileprivate var isLowerHexadecimal: Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
  }
}
