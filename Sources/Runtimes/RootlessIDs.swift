#if canImport(Glibc)
  import Glibc
#endif

/// Which users and groups of the host those of a rootless container are (user_namespaces(7)).
public struct RootlessIDs: Sendable, Hashable {
  public var uids: [RuntimeSpecification.IDMapping]
  public var gids: [RuntimeSpecification.IDMapping]

  /// More than the current user's own ids need newuidmap and newgidmap (Debian's package uidmap), and entries
  /// in `/etc/subuid` and `/etc/subgid`.
  public init(uids: [RuntimeSpecification.IDMapping], gids: [RuntimeSpecification.IDMapping]) {
    self.uids = uids
    self.gids = gids
  }

  /// The container's root is the user of this process, and nobody else exists.
  public static var currentUser: RootlessIDs {
    RootlessIDs(
      uids: [.init(containerID: 0, hostID: geteuid(), size: 1)],
      gids: [.init(containerID: 0, hostID: getegid(), size: 1)])
  }

  func contains(uid: UInt32, gid: UInt32) -> Bool {
    uids.contains { $0.contains(uid) } && gids.contains { $0.contains(gid) }
  }

  /// A process may choose its groups only where more than its own is mapped: otherwise the kernel denies
  /// setgroups(2).
  func allowsAdditionalGroups(_ groups: [UInt32]) -> Bool {
    gids.contains { $0.size > 1 } && groups.allSatisfy { group in gids.contains { $0.contains(group) } }
  }
}
