import ContainerImage

/// Tags in repositories: `team/**:v*`, a `RepositoryPattern` and, behind the colon, a tag in which `*` is any characters.
public struct TagPattern: Sendable, Hashable, CustomStringConvertible {
  public let description: String
  private let repositories: RepositoryPattern
  private let tags: PathPattern

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
      throw .malformed(
        "\(text.quotedForMessage) says no tags: write REPOSITORIES:TAGS, such as team/**:v* or **:*")
    }
    let tag = text[text.index(after: colon)...]
    // As in a tag, and a star.
    let isTag = tag.utf8.allSatisfy { $0.isAlphanumeric || "._-*".utf8.contains($0) }
    guard !tag.isEmpty, isTag, !tag.contains("**") else {
      throw .malformed("\(text.quotedForMessage): behind the colon, no tag is like that")
    }
    repositories = try RepositoryPattern(parsing: String(text[..<colon]))
    tags = try PathPattern(parsing: String(tag))
    description = text
  }

  public func matches(_ tag: Tag, in repository: RepositoryName) -> Bool {
    repositories.matches(repository) && tags.matches(PathPattern.Path(tag.description))
  }
}
