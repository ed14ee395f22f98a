/// A human-readable pointer to a manifest: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec, section
/// "Pulling manifests").
public struct Tag: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let description: String

  /// What a reference without tag and digest means.
  public static let latest = Tag(known: "latest")

  private init(known text: String) { description = text }

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: Substring) throws(InvalidValue) {
    guard Self.isValid(text.utf8) else {
      throw .malformed(
        "\(text.quotedForMessage) is not a tag: expected 1 to 128 letters, digits, '_', '.' or '-', "
          + "the first one no '.' or '-'")
    }
    description = String(text)
  }

  /// - Throws: as for a part of a text.
  public init(parsing text: String) throws(InvalidValue) { try self.init(parsing: text[...]) }

  /// The tag under which clients of registries without the referrers API list the referrers of `subject`
  /// (distribution-spec, section "Referrers Tag Schema").
  public init(listingReferrersOf subject: Digest) {
    description = "\(subject.algorithm.rawValue)-\(subject.encoded.prefix(64))"
  }

  /// "ASCIIbetical" order, as tag lists have it.
  public static func < (left: Tag, right: Tag) -> Bool {
    left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
  }

  private static func isValid(_ text: some Collection<UInt8>) -> Bool {
    guard let first = text.first, text.count <= 128 else { return false }
    guard first.isAlphanumeric || first == UInt8(ascii: "_") else { return false }
    return text.dropFirst().allSatisfy { byte in
      byte.isAlphanumeric || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: "-")
    }
  }
}
