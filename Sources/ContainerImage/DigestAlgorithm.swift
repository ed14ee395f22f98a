/// The hash algorithms that a digest may name: the two registered and required ones of the OCI image
/// specification, descriptor.md, section "Registered algorithms".
public enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable, Codable {
  case sha256
  case sha512

  /// Number of lower-case hexadecimal characters in the encoded part.
  public var encodedLength: Int {
    switch self {
    case .sha256: 64
    case .sha512: 128
    }
  }

  /// - Throws: `InvalidValue.unsupportedAlgorithm`
  public init(parsing text: Substring) throws(InvalidValue) {
    guard let known = DigestAlgorithm(rawValue: String(text)) else {
      throw .unsupportedAlgorithm(String(text))
    }
    self = known
  }

  /// - Throws: as for a part of a text.
  public init(parsing text: String) throws(InvalidValue) { try self.init(parsing: text[...]) }
}
