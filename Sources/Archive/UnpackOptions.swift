#if canImport(Glibc)
  import Glibc
#endif

/// How layers are unpacked.
public struct UnpackOptions: Sendable, Hashable {
  /// Whose the files become.
  public enum Ownership: Sendable, Hashable {
    /// The users and groups that the layers name. Needs root.
    case asStored
    /// All belongs to one user.
    case mapped(userID: UInt32, groupID: UInt32)
  }

  public var ownership: Ownership
  /// Whether devices are made, and `security.*` and `trusted.*` attributes set; otherwise they are left out and noted.
  public var isPrivileged: Bool
  /// How many bytes an image's layers may have together, uncompressed. The default of 64 GiB is more than the
  /// largest images have that are in use, and less than what fills a server's disk from a few MiB of zeros. Holes of sparse files take no space and do
  /// not count.
  public var byteLimit: Int64 = 64 << 30
  /// How many entries an image's layers may have together. The default of 5 million is ten times what
  /// the largest images have, and bounds the inodes and the memory that a hostile one can take.
  public var entryLimit = 5_000_000

  /// What this process may do: as root everything as stored, else all belongs to the process's user.
  public init() {
    isPrivileged = geteuid() == 0
    ownership = isPrivileged ? .asStored : .mapped(userID: geteuid(), groupID: getegid())
  }

  public init(ownership: Ownership, isPrivileged: Bool) {
    self.ownership = ownership
    self.isPrivileged = isPrivileged
  }
}
