/// What somebody may do with a repository. None contains another.
public enum AccessAction: String, Sendable, Hashable, CaseIterable, Codable {
  /// Read its manifests, blobs, tags and referrers, and mount its blobs elsewhere.
  case pull
  /// Upload blobs, mount them into it, write manifests, and set tags.
  case push
  /// Delete its manifests, tags and blobs.
  case delete
  /// Push signatures and attestations, and see images that are held until they are signed.
  case sign
  /// For `**`: use what is not of one repository, such as `/metrics`.
  case admin
}
