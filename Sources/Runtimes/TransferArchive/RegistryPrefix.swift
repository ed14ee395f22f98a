import ContainerImage
import ImageTransfer

/// `REGISTRY[/PREFIX]`: where several images go, each under a name that is made of its own.
public struct RegistryPrefix: Sendable, CustomStringConvertible {
  public let registry: String
  /// Of the repositories there; nil for none.
  public let prefix: RepositoryName?
  /// Whether the registry that an image comes from becomes the first part of its name, so that images of several registries
  /// can be told apart.
  public let isScoped: Bool

  /// A registry alone.
  public init(registry: String) {
    self.registry = registry
    prefix = nil
    isScoped = false
  }

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String, isScoped: Bool = false) throws(InvalidValue) {
    let name = text.hasPrefix("docker://") ? text.dropFirst(9) : text[...]
    let host = name.prefix { $0 != "/" }
    let rest = name.dropFirst(host.count + 1)
    guard host == "localhost" || host.contains(where: { $0 == "." || $0 == ":" }) else {
      throw .malformed(
        "\(text.quotedForMessage) has no registry: expected REGISTRY[/PREFIX], such as localhost:5000/mirror")
    }
    guard !rest.contains(":"), !rest.contains("@") else {
      throw .malformed(
        "\(text.quotedForMessage) is one image's name: expected REGISTRY[/PREFIX], without a tag and a digest"
      )
    }
    registry = try ImageReference.registry(parsing: host)
    prefix = rest.isEmpty ? nil : try RepositoryName(parsing: rest.hasSuffix("/") ? rest.dropLast() : rest)
    self.isScoped = isScoped
  }

  public var description: String { registry + (prefix.map { "/\($0)" } ?? "") }

  /// The name of an image there.
  /// - Throws: `InvalidValue.malformed` if the name would be too long, or the registry's cannot be a part of one.
  public func reference(for image: ImageReference) throws(InvalidValue) -> ImageReference {
    ImageReference(
      registry: registry, repository: try repository(for: QualifiedRepository(of: image), isScoped: isScoped),
      tag: image.tag, digest: image.digest)
  }

  /// Where it may be what a repository has that an inventory names: there under its own name, or under the one that it gets when
  /// it is imported.
  public func places(of repository: QualifiedRepository) -> [QualifiedRepository] {
    let names = [
      repository.repository, try? self.repository(for: repository, isScoped: false),
      try? self.repository(for: repository, isScoped: true),
    ]
    var seen: Set<RepositoryName> = []
    return names.compactMap { $0 }.filter { seen.insert($0).inserted }.map {
      QualifiedRepository(registry: registry, repository: $0)
    }
  }

  private func repository(
    for source: QualifiedRepository, isScoped: Bool
  ) throws(InvalidValue) -> RepositoryName {
    let scope = isScoped ? Self.component(of: source.registry) + "/" : ""
    return try RepositoryName(
      parsing: (prefix.map { "\($0)/" } ?? "") + scope + source.repository.description)
  }

  /// A registry's name as a part of a repository's, which can have no colon.
  private static func component(of registry: String) -> String {
    let allowed = registry.lowercased().map {
      $0 == "." || $0 == "_" || $0 == "-" || $0.isLetter || $0.isNumber ? $0 : "-"
    }
    return String(allowed.drop { $0 == "-" })
  }

  /// The names of images there.
  /// - Throws: `TransferError.failed` if two of them would get the same one, `InvalidValue`
  public func references(for images: [ImageReference]) throws -> [ImageReference] {
    var taken: [String: ImageReference] = [:]
    return try images.map { image in
      let target = try reference(for: image)
      // What is named by its digest is the same image wherever it comes from.
      if target.digest == nil, let other = taken.updateValue(image, forKey: target.description),
        other != image
      {
        throw TransferError.failed(
          "\(other) and \(image) would both be \(target): "
            + (isScoped
              ? "copy one of them by itself"
              : "keep their registries' names apart with --scoped, or copy one of them by itself"))
      }
      return target
    }
  }
}
