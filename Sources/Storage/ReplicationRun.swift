/// What a run of a rule of replication did.
public struct ReplicationRun: Sendable, Hashable {
  public var rule: String
  /// Seconds since 1970.
  public var startedAt: Int64
  public var endedAt: Int64
  /// Tags that were looked at, and of these what was copied, and what could not be.
  public var checked: Int64 = 0
  public var copied: Int64 = 0
  public var failed: Int64 = 0
  /// Tags that went at the destination.
  public var deleted: Int64 = 0
  /// Blobs that were sent, and their bytes.
  public var blobs: Int64 = 0
  public var bytes: Int64 = 0
  /// Why it ended early, or what failed first; nil if all is well.
  public var failure: String?
  /// When all was well the last time, in seconds since 1970; nil for never.
  public var succeededAt: Int64?

  public init(rule: String, startedAt: Int64) {
    self.rule = rule
    self.startedAt = startedAt
    endedAt = startedAt
  }
}
