import Foundation
import Testing

/// A machine that runs Kontor as systemd starts it, by the committed unit and the example of a configuration: a container of
/// systemd-nspawn with this machine's `/usr`, and with directories and a network of its own.
struct SystemdMachine: Sendable {
  /// systemd, which is process 1 in there.
  private let leader: pid_t
  private let daemon: Daemon

  /// Runs `body` with a machine whose `kontor` has been started, then stops that and expects that it ended well.
  ///
  /// - Parameters:
  ///   - dropIn: what is changed of the unit, as by `systemctl edit kontor`.
  ///   - files: what lies in `/etc/kontor`, for root alone.
  static func with(
    dropIn: String = "", files: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (SystemdMachine) async throws -> Void
  ) async throws {
    try Tool.require(.nspawn, .unshare, .nsenter, .ldd, .busybox)
    try await Scratch.withDirectory("machine") { directory in
      let root = "\(directory)/root"
      try makeRoot(root, dropIn, files)
      let program = try KontorProcess.binary()
      // nspawn makes the place for the program in a layer over `/usr`, which goes away with the machine.
      var mounts = ["--overlay=/usr::/usr", "--bind-ro=\(program):/usr/local/bin/kontor"]
      for directory in try await libraries(of: program) { mounts.append("--bind-ro=\(directory)") }
      let arguments =
        [
          "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", try Tool.nspawn.path(), "-q", "-D",
          root,
        ]
        + ["--register=no", "--keep-unit", "-M", "kontor-\(getpid())", "--private-network"] + mounts
        + ["--console=read-only", "--boot", "--", "--unit=kontor.service"]
        + ["systemd.journald.forward_to_console=1", "systemd.show_status=0"]
      let daemon = try await Daemon.start(try Tool.unshare.path(), arguments, logIn: directory)
      try await running {
        let leader = try await daemon.waitFor("starting Kontor") { daemon -> pid_t? in
          if daemon.log.contains("Failed to start kontor.service") { throw daemon.failure("has no Kontor") }
          guard daemon.log.contains("Started kontor.service") else { return nil }
          return child(of: daemon.process.pid).flatMap(child)
        }
        let machine = SystemdMachine(leader: leader, daemon: daemon)
        do {
          try await body(machine)
          try await machine.run(.everything, "/usr/bin/systemctl", ["stop", "kontor"])
          let state = try await machine.state
          #expect(
            state["ActiveState"] == "inactive" && state["Result"] == "success" && state["NRestarts"] == "0",
            "\(daemon.log.suffix(4000))", sourceLocation: sourceLocation)
        } catch {
          Issue.record(
            "The machine's log ends with:\n\(daemon.log.suffix(4000))", sourceLocation: sourceLocation)
          throw error
        }
      } finally: {
        // With unshare ends everything that it started.
        await daemon.kill()
      }
    }
  }

  private static func makeRoot(_ root: String, _ dropIn: String, _ files: [String: String]) throws {
    let manager = FileManager.default
    let units = "\(root)/etc/systemd/system"
    for directory in ["\(root)/usr", "\(root)/etc/kontor", "\(units)/kontor.service.d"] {
      try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
      try manager.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: "usr/\(name)")
    }
    // Without an identity systemd would enable all that this machine has installed.
    try Data("\(String(repeating: "0123456789abcdef", count: 2))\n".utf8).write(
      to: URL(filePath: "\(root)/etc/machine-id"))
    // Nobody configures its network: the loopback interface is up already.
    for name in ["systemd-networkd.service", "systemd-networkd-wait-online.service"] {
      try manager.createSymbolicLink(atPath: "\(units)/\(name)", withDestinationPath: "/dev/null")
    }
    let example = (DeployFile.path("..") as NSString).standardizingPath + "/config.example.json"
    let copies = [
      ("/usr/lib/os-release", "\(root)/etc/os-release"), (example, "\(root)/etc/kontor/config.json"),
      (DeployFile.path("kontor.service"), "\(units)/kontor.service"),
    ]
    for (source, target) in copies { try manager.copyItem(atPath: source, toPath: target) }
    for (name, source) in files {
      let path = "\(root)/etc/kontor/\(name)"
      try manager.copyItem(atPath: source, toPath: path)
      try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
    try Data("[Service]\n\(dropIn)\n".utf8).write(
      to: URL(filePath: "\(units)/kontor.service.d/override.conf"))
  }

  /// The directories outside of `/usr` that have libraries the program is linked with.
  private static func libraries(of program: String) async throws -> Set<String> {
    let listing = try await Tool.ldd.run(program).text
    let directories = listing.matches(of: #/=> (/\S+)/[^/\s]+ /#).map { String($0.1) }
    return Set(directories.filter { !$0.hasPrefix("/usr/") && !$0.hasPrefix("/lib") })
  }

  private static func child(of pid: pid_t) -> pid_t? {
    let list = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
    return list?.split(separator: " ").first.flatMap { pid_t($0) }
  }

  /// What of the machine a program sees that is run in it.
  enum View: String {
    case everything = "--all"
    /// This machine's files, as a client has them.
    case network = "--net"
  }

  /// Runs a program in the machine; throws unless it exits with 0.
  @discardableResult
  func run(
    _ view: View, _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> Command.Output {
    try await Command(
      tool: .nsenter, arguments: ["--target", "\(leader)", view.rawValue, program] + arguments,
      environment: environment
    ).run()
  }

  /// What systemd says of the service.
  var state: [String: String] {
    get async throws {
      let text = try await run(.everything, "/usr/bin/systemctl", ["show", "kontor"]).text
      let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
      }
      return Dictionary(pairs) { first, _ in first }
    }
  }

  /// What has been logged in the machine.
  var log: String { daemon.log }
}
