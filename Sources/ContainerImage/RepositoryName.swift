/// The name of a repository: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/…)*` (distribution-spec, section
/// "Pulling manifests"), at most 255 bytes.
public struct RepositoryName: Sendable, Hashable, Comparable, CustomStringConvertible {
  public static let maximumLength = 255

  public let description: String

  /// - Throws: `InvalidValue.malformed` with the rule that the text breaks.
  public init(parsing text: Substring) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumLength else {
      throw .malformed(
        "repository name of \(text.utf8.count) bytes is too long: at most \(Self.maximumLength) are allowed")
    }
    guard text.utf8.withContiguousStorageIfAvailable(Self.isValid) ?? Self.isValid(text.utf8) else {
      throw .malformed(
        "\(text.quotedForMessage) is not a repository name: expected path components of lower-case letters "
          + "and digits, separated inside by '.', '_', '__' or dashes, and joined by '/'")
    }
    description = String(text)
  }

  /// - Throws: as for a part of a text.
  public init(parsing text: String) throws(InvalidValue) { try self.init(parsing: text[...]) }

  public static func < (left: RepositoryName, right: RepositoryName) -> Bool {
    left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
  }

  /// What separates the last letter or digit from the next one.
  private enum Separator { case start, none, dot, underscore, doubleUnderscore, dashes }

  private static func isValid(_ text: some Sequence<UInt8>) -> Bool {
    var separator = Separator.start
    for byte in text {
      if byte.isLowerAlphanumeric {
        separator = .none
        continue
      }
      switch (byte, separator) {
      case (UInt8(ascii: "/"), .none): separator = .start
      case (UInt8(ascii: "."), .none): separator = .dot
      case (UInt8(ascii: "_"), .none): separator = .underscore
      case (UInt8(ascii: "_"), .underscore): separator = .doubleUnderscore
      case (UInt8(ascii: "-"), .none), (UInt8(ascii: "-"), .dashes): separator = .dashes
      default: return false
      }
    }
    return separator == .none
  }
}
