import ContainerImage
import Storage

extension Registry {
  /// A piece of a list, and whether more follows.
  public struct Page<Element: Sendable>: Sendable {
    public let elements: [Element]
    public let hasMore: Bool
  }

  /// More entries than this are never in one answer: its `Link` leads on.
  public static let largestPage = 10_000

  /// Tags in the order of their bytes.
  /// - Parameters:
  ///   - last: only tags after this text.
  ///   - limit: at most so many.
  /// - Throws: `RegistryError.repositoryUnknown`
  public func tags(
    in repository: RepositoryName, after last: String?, limit: Int
  ) async throws -> Page<Tag> {
    let limit = min(limit, Self.largestPage)
    let found = try await store.blocking { [store] in
      try store.metadata.tags(in: repository, after: last, limit: limit + 1)
    }
    guard let found else { throw RegistryError.repositoryUnknown(repository) }
    return Page(elements: Array(found.prefix(limit)), hasMore: limit > 0 && found.count > limit)
  }

  /// Repositories that hold a manifest, in the order of their names' bytes.
  /// - Parameter isVisible: whether the client may know of a repository.
  public func repositories(
    after last: String?, limit: Int, where isVisible: @escaping @Sendable (RepositoryName) -> Bool
  ) async throws -> Page<RepositoryName> {
    let limit = min(limit, Self.largestPage)
    let found = try await store.blocking { [store] in
      try store.metadata.repositories(after: last, limit: limit + 1, where: isVisible)
    }
    return Page(elements: Array(found.prefix(limit)), hasMore: limit > 0 && found.count > limit)
  }

  /// Manifests of the repository that name `digest` as their subject; none if there is no such repository.
  ///
  /// Lists that clients keep under the referrers tag need no merging: what they name is found by its own
  /// `subject`, however and in whatever order it was pushed.
  public func referrers(
    of digest: Digest, in repository: RepositoryName, artifactType: String?, after position: Int64,
    limit: Int
  ) async throws -> ReferrersPage {
    try await store.blocking { [store] in
      try store.metadata.referrers(
        of: digest, in: repository, artifactType: artifactType, after: position, limit: limit,
        byteLimit: 2 << 20)
    }
  }
}
