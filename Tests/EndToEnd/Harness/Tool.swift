// The Debian packages these tests need, beside a Swift toolchain:
//
//   busybox-static caddy containerd curl debootstrap docker-registry docker.io findutils iproute2 lxc mount nginx-light openssl
//   podman runc skopeo slapd strace systemd systemd-container uidmap umoci util-linux
//
// A test whose program is missing fails and names the package; none is skipped. The tests run as root: they start daemons,
// mount small file systems and trace processes.

import Foundation

/// A program from Debian that a test drives.
enum Tool: String, CaseIterable, Sendable {
  case busybox, containerd, ctr, curl, docker, dockerd, ip, mount, openssl, podman, setpriv, skopeo, strace
  case tar, umoci, umount, unshare
  case chroot, cp, newuidmap, runc
  case bash, debootstrap, find, gpg, gpgconf, gpgv, mandoc, python3
  case caddy, ldd, nginx, nsenter, slapadd, slapd
  case dockerRegistry = "docker-registry"
  case lxcExecute = "lxc-execute"
  case nspawn = "systemd-nspawn"
  case systemdAnalyze = "systemd-analyze"

  struct Missing: Error, CustomStringConvertible {
    var tool: Tool
    var description: String {
      "\(tool.rawValue) is not installed; it is in Debian's package \(tool.package): apt-get install \(tool.package)"
    }
  }

  /// The Debian package that holds the program.
  var package: String {
    switch self {
    case .busybox: "busybox-static"
    case .containerd, .ctr: "containerd"
    case .docker, .dockerd: "docker.io"
    case .ip: "iproute2"
    case .mount, .umount: "mount"
    case .ldd: "libc-bin"
    case .nginx: "nginx-light"
    case .nsenter, .setpriv, .unshare: "util-linux"
    case .chroot, .cp: "coreutils"
    case .slapadd: "slapd"
    case .newuidmap: "uidmap"
    case .dockerRegistry: "docker-registry"
    case .lxcExecute: "lxc"
    case .nspawn: "systemd-container"
    case .systemdAnalyze: "systemd"
    case .find: "findutils"
    case .gpg: "gnupg"
    case .gpgconf: "gpgconf"
    case .bash, .caddy, .curl, .debootstrap, .gpgv, .mandoc, .openssl, .podman, .python3, .runc, .skopeo,
      .slapd, .strace,
      .tar,
      .umoci:
      rawValue
    }
  }

  /// The program's path. Debian's own directories come before others: a machine may have a second, newer client elsewhere.
  func path() throws -> String {
    let others = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    for directory in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] + others {
      let candidate = "\(directory)/\(rawValue)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    throw Missing(tool: self)
  }

  /// Fails with the package's name unless every one of `tools` is installed.
  static func require(_ tools: Tool...) throws {
    for tool in tools + [.setpriv] { _ = try tool.path() }
  }

  /// Runs the program and returns what it wrote; throws unless it exits with 0.
  @discardableResult
  func run(_ arguments: String..., input: Data? = nil) async throws -> Command.Output {
    try await Command(tool: self, arguments: arguments, input: input).run()
  }
}
