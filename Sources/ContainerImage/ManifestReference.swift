/// What names a manifest within a repository: the `<tag-or-digest>` of the distribution-spec.
public enum ManifestReference: Sendable, Hashable, CustomStringConvertible {
  case tag(Tag)
  case digest(Digest)

  /// A text with a colon is taken for a digest: no tag has one.
  /// - Throws: `InvalidValue`
  public init(parsing text: Substring) throws(InvalidValue) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      self = .digest(try Digest(parsing: text))
    } else {
      self = .tag(try Tag(parsing: text))
    }
  }

  /// - Throws: as for a part of a text.
  public init(parsing text: String) throws(InvalidValue) { try self.init(parsing: text[...]) }

  /// Nil for a digest.
  public var tag: Tag? {
    if case .tag(let tag) = self { return tag }
    return nil
  }

  public var description: String {
    switch self {
    case .tag(let tag): tag.description
    case .digest(let digest): digest.description
    }
  }
}
