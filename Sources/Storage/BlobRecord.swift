/// What a repository knows of a blob it links.
public struct BlobRecord: Sendable, Equatable {
  /// Bytes.
  public let size: Int64
  /// Since when no manifest of the repository refers to it, or it was last leased; seconds since 1970.
  let unreferencedSince: Int64?

  /// Seconds for which no manifest of the repository has needed it and nobody was told that it exists; nil if a
  /// manifest needs it.
  public var idleTime: Int64? {
    unreferencedSince.map { max(0, secondsSince1970() - $0) }
  }
}
