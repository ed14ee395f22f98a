/// How much the repositories below a prefix may hold.
public struct StorageLimit: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// Of blobs and manifests: a blob that several of the repositories link counts once.
    case bytes
    case tags
  }

  /// Of their names, such as `team`, which is also for `team/app`; empty for all.
  public let prefix: String
  public let kind: Kind
  public let most: Int64

  public init(prefix: String, kind: Kind, most: Int64) {
    self.prefix = prefix
    self.kind = kind
    self.most = most
  }
}

/// What the repositories below a prefix hold.
public struct StorageUsage: Sendable, Equatable {
  public var bytes: Int64
  public var tags: Int64

  public init(bytes: Int64, tags: Int64) {
    self.bytes = bytes
    self.tags = tags
  }

  public subscript(kind: StorageLimit.Kind) -> Int64 { kind == .bytes ? bytes : tags }
}

/// More would be stored than a limit allows. Nothing was.
public struct StorageLimitExceeded: Error, Sendable, Equatable {
  public let limit: StorageLimit
  /// What is held now.
  public let used: Int64

  public init(limit: StorageLimit, used: Int64) {
    self.limit = limit
    self.used = used
  }
}
