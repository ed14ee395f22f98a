import ContainerImage
import ImageTransfer

/// A registry that images are brought from or to. All of it blocks, and throws `TransferError`.
protocol ReplicationPlace: Sendable {
  /// Those that it tells of.
  func repositories() throws -> [RepositoryName]
  func tags(in repository: RepositoryName) throws -> [Tag]
  /// What a tag means; nil if it is not there.
  func digest(of tag: Tag, in repository: RepositoryName) throws -> Digest?
  /// - Parameters:
  ///   - root: what the tag meant a moment ago.
  ///   - tags: all of the repository.
  func source(
    _ tag: Tag, _ root: Digest, in repository: RepositoryName, tags: Set<Tag>
  ) throws -> any ImageSource
  /// - Parameter isSparse: whether images that an index lists may be missing.
  func destination(_ tag: Tag, in repository: RepositoryName, isSparse: Bool) throws -> any ImageDestination
  func delete(_ tag: Tag, in repository: RepositoryName) throws
  /// Whether a manifest may be there without what it refers to.
  func mayBePartial(_ repository: RepositoryName) -> Bool
  /// Why it is not asked any more for the moment; nil if it is.
  var failure: String? { get }
  /// So many questions at a time do it no harm.
  var questions: Int { get }
}
