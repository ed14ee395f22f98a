import ContainerImage

/// What a trust policy said of a stored image, when it was asked for by one name.
public struct StoredVerdict: Sendable, Hashable {
  /// What was judged. Another policy, or another name, may say something else.
  public struct Key: Sendable, Hashable {
    public let repository: RepositoryName
    public let manifest: Digest
    /// By which it was asked for; nil for its digest.
    public let tag: Tag?
    /// Of the policy.
    public let revision: String

    public init(repository: RepositoryName, manifest: Digest, tag: Tag?, revision: String) {
      self.repository = repository
      self.manifest = manifest
      self.tag = tag
      self.revision = revision
    }
  }

  /// Why the image is refused; nil if it is allowed.
  public let refusal: String?
  /// Until when this holds, in seconds since 1970; nil for ever.
  public let validUntil: Int64?

  public init(refusal: String?, validUntil: Int64?) {
    self.refusal = refusal
    self.validUntil = validUntil
  }

  public var isAllowed: Bool { refusal == nil }

  var holds: Bool { validUntil.map { $0 > secondsSince1970() } ?? true }
}
