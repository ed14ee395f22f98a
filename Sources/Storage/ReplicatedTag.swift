import ContainerImage

/// A tag that a rule of replication brought from one place to another.
public struct ReplicatedTag: Sendable, Hashable {
  public var rule: String
  /// Registry and repository there, or whatever else the source calls it.
  public var source: String
  public var tag: String
  /// What the tag meant there: a digest, or what else tells one state from another.
  public var sourceState: String
  /// Empty for this one.
  public var targetRegistry: String
  public var target: RepositoryName
  public var targetTag: Tag
  public var targetDigest: Digest
  /// Whether the rule made the tag mean that; not if it did already.
  public var isBrought: Bool
  /// Seconds since 1970.
  public var copiedAt: Int64

  public init(
    rule: String, source: String, tag: String, sourceState: String, targetRegistry: String,
    target: RepositoryName, targetTag: Tag, targetDigest: Digest, isBrought: Bool, copiedAt: Int64
  ) {
    self.rule = rule
    self.source = source
    self.tag = tag
    self.sourceState = sourceState
    self.targetRegistry = targetRegistry
    self.target = target
    self.targetTag = targetTag
    self.targetDigest = targetDigest
    self.isBrought = isBrought
    self.copiedAt = copiedAt
  }
}
