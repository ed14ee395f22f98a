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
  public var limits = UnpackLimits()

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
