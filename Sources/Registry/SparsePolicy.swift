/// Which manifests are accepted although the repository lacks something they refer to
/// (configuration `push.allowSparse`).
public enum SparsePolicy: String, Sendable, CaseIterable {
  /// None: what is pulled is always complete.
  case off
  /// Indexes that list manifests of platforms nobody pushed.
  case indexes
  /// Images too that lack blobs.
  case all
}
