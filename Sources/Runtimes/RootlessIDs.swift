import FoundationEssentials

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

  /// The container's root is the user of this process, and its other users are those that `/etc/subuid` and `/etc/subgid`
  /// give that user. Nobody else exists if they give none, or if newuidmap and newgidmap are not installed, by which a
  /// runtime maps them.
  public static func withSubordinates() -> RootlessIDs {
    guard ["newuidmap", "newgidmap"].allSatisfy(isInstalled) else { return .currentUser }
    let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) }
    // Groups are given to users as well.
    let uids = SubordinateIDs(file: "/etc/subuid", user: geteuid(), name: name)
    let gids = SubordinateIDs(file: "/etc/subgid", user: geteuid(), name: name)
    guard !uids.ranges.isEmpty, !gids.ranges.isEmpty else { return .currentUser }
    return RootlessIDs(uids: uids.mappings(after: geteuid()), gids: gids.mappings(after: getegid()))
  }

  private static func isInstalled(_ program: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
  }

  func contains(uid: UInt32, gid: UInt32) -> Bool {
    uids.contains { $0.contains(uid) } && gids.contains { $0.contains(gid) }
  }
}
