import ContainerImage

/// Which repositories a rule is for: `team/app`, `team/*`, `team/app-*`, `team/**`, `**`.
///
/// `*` is any characters of one path component, `**` any number of components: `a/**/b` matches `a/b` and `a/x/y/b`. At the
/// end it is at least one: `team/**` matches `team/a` and `team/a/b`, but not `team`.
public struct RepositoryPattern: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  /// The one repository that it is for; nil if it has a wild part.
  public let name: RepositoryName?
  private let pattern: PathPattern

  /// - Parameter text: at most `RepositoryName.maximumLength` bytes.
  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard text.utf8.count <= RepositoryName.maximumLength else {
      throw .malformed("the pattern has more than \(RepositoryName.maximumLength) bytes")
    }
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: "/*._-".utf8.contains(byte)
      }
    }
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard isPlain, !parts.contains(where: \.isEmpty) else {
      throw .malformed(
        "\(text.quotedForMessage) matches no repository: expected path components of lower-case letters, digits, "
          + "'.', '_', '-' and '*', joined by '/'")
    }
    // Without a wild part it is a name, and a wrong one would match nothing without a word.
    name = text.utf8.contains(UInt8(ascii: "*")) ? nil : try RepositoryName(parsing: text)
    pattern = try PathPattern(parsing: text)
    description = text
  }

  public func matches(_ name: RepositoryName) -> Bool { matches(PathPattern.Path(name.description)) }

  func matches(_ path: PathPattern.Path) -> Bool { pattern.matches(path) }

  /// `**`
  public var matchesAll: Bool { description == "**" }
}
