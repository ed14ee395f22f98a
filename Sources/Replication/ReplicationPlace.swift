import ContainerImage
import ImageTransfer

/// A registry that images are brought from or to, in one run. All of it blocks, may be called by several threads at once, and throws
/// `TransferError`.
protocol ReplicationPlace: Sendable {
  /// In references; empty for this registry.
  var registry: String { get }
  /// Those that it tells of.
  func repositories() throws -> [RepositoryName]
  func tags(in repository: RepositoryName) throws -> [Tag]
  /// What a tag means; nil if it is not there.
  /// - Parameter isListed: whether it is among the tags.
  func digest(of tag: Tag, in repository: RepositoryName, isListed: Bool) throws -> Digest?
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
  /// Waits until one more blob may be transferred.
  func beginTransfer() throws
  /// - Parameter bytes: that came from there.
  func endTransfer(received bytes: Int64)
  /// Why it could not be reached, however often that was tried; nil if it answered last.
  var failure: String? { get }
  /// So many questions at a time do it no harm.
  var questions: Int { get }
}

extension ReplicationPlace {
  /// Where one thing fails because nobody answers, the others would, too.
  func checkReachable() throws(TransferError) {
    if let failure { throw .failed("it ends here, and goes on with the next run: \(failure)") }
  }
}
