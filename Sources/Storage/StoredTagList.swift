import ContainerImage
import NIOCore

/// A signed list of a repository's tags, as it is kept.
public struct StoredTagList: Sendable, Hashable {
  public let version: Int64
  /// In seconds since 1970.
  public let expiresAt: Int64
  /// The signing key, and what the registry is called in the list.
  public let signer: String
  /// `MetadataStore.trustBasis` when the tags were read; nil if they may be others without another basis.
  public var basis: Int64?
  /// Of the tags with their manifests.
  public let tagsDigest: Digest
  /// What clients get.
  public let content: ByteBuffer

  public init(
    version: Int64, expiresAt: Int64, signer: String, basis: Int64?, tagsDigest: Digest, content: ByteBuffer
  ) {
    self.version = version
    self.expiresAt = expiresAt
    self.signer = signer
    self.basis = basis
    self.tagsDigest = tagsDigest
    self.content = content
  }

  init?(row: borrowing Statement.Row) {
    guard let tagsDigest = try? Digest(parsing: row.text(4)) else { return nil }
    self.init(
      version: row.integer(0), expiresAt: row.integer(1), signer: row.text(2),
      basis: row.isNull(3) ? nil : row.integer(3), tagsDigest: tagsDigest, content: row.bytes(5))
  }
}
