import ContainerImage

/// A tag that a rule of replication brought from one place to another.
public struct ReplicatedTag: Sendable, Hashable {
  public var rule: String
  /// The repository there, or whatever else the source calls it.
  public var source: String
  public var tag: String
  /// What the tag meant there: a digest, or what else tells one state from another.
  public var sourceState: String
  /// The repository that it went to, in the registry that the rule says.
  public var target: RepositoryName
  public var targetTag: Tag
  public var targetDigest: Digest
  /// Seconds since 1970.
  public var copiedAt: Int64

  public init(
    rule: String, source: String, tag: String, sourceState: String, target: RepositoryName, targetTag: Tag,
    targetDigest: Digest, copiedAt: Int64
  ) {
    self.rule = rule
    self.source = source
    self.tag = tag
    self.sourceState = sourceState
    self.target = target
    self.targetTag = targetTag
    self.targetDigest = targetDigest
    self.copiedAt = copiedAt
  }
}
