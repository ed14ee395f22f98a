import ContainerImage

/// Which repositories have which blobs and manifests, as far as somebody said. What an inventory says may be outdated: it is a
/// reason to leave something out of an archive, and never one to believe that it is there.
public struct BlobInventory: Sendable, Equatable {
  private var repositories: [Digest: Set<QualifiedRepository>] = [:]

  public init() {}

  public var isEmpty: Bool { repositories.isEmpty }

  public mutating func add(_ digest: Digest, in repository: QualifiedRepository) {
    repositories[digest, default: []].insert(repository)
  }

  /// Adds all that another one says.
  public mutating func add(_ other: BlobInventory) {
    repositories.merge(other.repositories) { $0.union($1) }
  }

  /// - Returns: the repositories that have it, in their order; none if it is not known.
  public func repositories(having digest: Digest) -> [QualifiedRepository] {
    repositories[digest]?.sorted() ?? []
  }

  /// Every repository with every digest that it has, in their order.
  var lines: [(repository: QualifiedRepository, digest: Digest)] {
    var byRepository: [QualifiedRepository: [Digest]] = [:]
    for (digest, places) in repositories {
      for place in places { byRepository[place, default: []].append(digest) }
    }
    return byRepository.sorted { $0.key < $1.key }.flatMap { repository, digests in
      digests.sorted { $0.description < $1.description }.map { (repository, $0) }
    }
  }
}
