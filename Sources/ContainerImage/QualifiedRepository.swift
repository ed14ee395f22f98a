/// A repository with the registry that has it, such as `registry.example:5000/team/app`.
public struct QualifiedRepository: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// As in `ImageReference`.
  public let registry: String
  public let repository: RepositoryName

  public init(registry: String, repository: RepositoryName) {
    self.registry = registry
    self.repository = repository
  }

  /// The one that an image is in.
  public init(of image: ImageReference) {
    self.init(registry: image.registry, repository: image.repository)
  }

  /// Both parts must be there: no registry is Docker Hub's by itself.
  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: Substring) throws(InvalidValue) {
    let (registry, repository) = try ImageReference.split(text)
    guard text == "\(registry)/\(repository)" else {
      throw .malformed(
        "\(text.quotedForMessage) is no repository with its registry: expected such as registry.example/team/app"
      )
    }
    self.init(registry: registry, repository: repository)
  }

  public var description: String { "\(registry)/\(repository)" }

  public static func < (left: QualifiedRepository, right: QualifiedRepository) -> Bool {
    left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
  }
}
