/// What `runc spec` of runc 1.1 writes, and `runc spec --rootless`.
extension RuntimeSpecification {
  static let version = "1.0.2"

  static var defaultCapabilities: Capabilities {
    let names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    return Capabilities(bounding: names, effective: names, permitted: names, ambient: names)
  }

  static var defaultLimits: [ResourceLimit] { [ResourceLimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)] }

  static func defaultMounts(rootless: Bool) -> [Mount] {
    let closed = ["nosuid", "noexec", "nodev"]
    return [
      Mount(destination: "/proc", type: "proc", source: "proc"),
      Mount(
        destination: "/dev", type: "tmpfs", source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      // The group 5, tty, is not mapped in a user namespace of one user.
      Mount(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
          + (rootless ? [] : ["gid=5"])),
      Mount(
        destination: "/dev/shm", type: "tmpfs", source: "shm", options: closed + ["mode=1777", "size=65536k"]),
      Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: closed),
      // Only the owner of the network namespace may mount a sysfs, and that of a rootless container is the
      // host's.
      rootless
        ? Mount(destination: "/sys", type: "none", source: "/sys", options: ["rbind"] + closed + ["ro"])
        : Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: closed + ["ro"]),
      Mount(
        destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: closed + ["relatime", "ro"]),
    ]
  }

  /// - Parameter ids: nil unless rootless.
  static func defaultLinux(_ ids: RootlessIDs?) -> Linux {
    let namespaces =
      ids == nil ? ["pid", "network", "ipc", "uts", "mount"] : ["pid", "ipc", "uts", "mount", "user"]
    return Linux(
      resources: ids == nil ? Resources(devices: [DeviceRule(allow: false, access: "rwm")]) : nil,
      uidMappings: ids?.uids, gidMappings: ids?.gids,
      namespaces: namespaces.map(Namespace.init),
      maskedPaths: [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
  }
}
