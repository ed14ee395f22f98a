import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// The file `config` of a container of LXC 5 (lxc.container.conf(5)), in the directory `PATH/NAME` beside
/// `rootfs`: `lxc-execute -P PATH -n NAME` and `lxc-start -P PATH -n NAME` run the image's command as the
/// image's user.
public struct LXCContainer: Sendable, Hashable {
  public enum Network: String, Sendable, Hashable {
    /// A network of its own that has only the loopback device, as a bundle for runc has.
    case loopback = "empty"
    /// The host's.
    case host = "none"
  }

  public struct Options: Sendable, Hashable {
    /// The whole command line, in place of the image's.
    public var arguments: [String]?
    public var network = Network.loopback
    /// What LXC gives all containers: devices, dropped capabilities, system calls. It is included if it is
    /// there.
    public var commonConfig = "/usr/share/lxc/config/common.conf"

    public init() {}
  }

  /// The content of `config`.
  public let text: String
  /// What will not work, in sentences for the user.
  public let shortcomings: [String]

  /// - Parameters:
  ///   - name: the container's, and its host name.
  ///   - root: the unpacked image.
  ///   - rootPath: where that will be when the container is run; absolute.
  /// - Throws: `TransferError.failed` if the name or path is none that LXC takes, `.notAnImage` if the image
  ///   cannot be run
  public init(
    _ config: ImageConfig, name: String, root: RootDirectory, rootPath: String, options: Options = Options()
  ) throws(TransferError) {
    guard Self.isName(name) else {
      throw .failed(
        "\(name.quotedForMessage) is no name for a container: use 1 to 64 letters, digits, '-', '_' and '.', "
          + "a letter or digit first")
    }
    guard rootPath.hasPrefix("/"), rootPath.isOneLine else {
      throw .failed("LXC cannot have a container at \(rootPath.quotedForMessage): give another path")
    }
    let process = try ContainerProcess(config, in: root, arguments: options.arguments)
    guard process.workingDirectory.isOneLine else {
      throw .notAnImage(
        "LXC cannot be told the image's working directory \(process.workingDirectory.quotedForMessage)")
    }
    let start = try Self.start(of: process, in: root)

    var lines: [String] = []
    func set(_ key: String, _ value: String) { lines.append("\(key) = \(Self.quoted(value))") }
    if access(options.commonConfig, R_OK) == 0 {
      set("lxc.include", options.commonConfig)
    } else {
      set("lxc.mount.auto", "cgroup:mixed proc:mixed sys:mixed")
      set("lxc.cap.drop", "mac_admin mac_override sys_time sys_module sys_rawio")
    }
    set("lxc.rootfs.path", "dir:" + rootPath)
    set("lxc.uts.name", name)
    set("lxc.net.0.type", options.network.rawValue)
    // A profile has to be loaded before it can be named, and many hosts have no AppArmor.
    set("lxc.apparmor.profile", "unconfined")
    set("lxc.execute.cmd", start.executeCommand)
    if let command = start.initCommand { set("lxc.init.cmd", command) }
    set("lxc.init.cwd", process.workingDirectory)
    set("lxc.init.uid", "\(process.user.uid)")
    set("lxc.init.gid", "\(process.user.gid)")
    set("lxc.init.groups", process.user.additionalGroups.map(String.init).joined(separator: ","))
    for variable in start.environment { set("lxc.environment", variable.description) }
    text = lines.joined(separator: "\n") + "\n"
    shortcomings =
      start.initCommand == nil
      ? [
        "lxc-start takes no command with spaces, and the image has no /bin/sh that could stand in: use lxc-execute"
      ] : []
  }

  /// How a container is told what to run.
  private struct Start {
    var environment: [ContainerProcess.Variable]
    var executeCommand: String
    /// nil if it cannot be expressed.
    var initCommand: String?
  }

  /// The command line in LXC's two ways to write one. What they cannot express, the image's shell sets up.
  /// - Throws: `TransferError.notAnImage`
  private static func start(
    of process: ContainerProcess, in root: RootDirectory
  ) throws(TransferError) -> Start {
    let unsaid = process.environment.filter { !$0.description.isOneLine }
    for variable in unsaid where !ShellLauncher.isVariableName(variable.name) {
      throw .notAnImage("LXC cannot be given the image's variable \(variable.name.quotedForMessage)")
    }
    func launcher() throws(TransferError) -> [String] {
      try ShellLauncher.arguments(
        for: process.arguments, exporting: unsaid, in: root,
        because: "LXC's configuration cannot express the image's command or environment")
    }
    let words = unsaid.isEmpty ? process.arguments : try launcher()
    let isQuotable = words.allSatisfy { quotedWord($0) != nil }
    let executed = isQuotable ? words : try launcher()
    var started: [String]? = words
    if !words.allSatisfy(isBareWord) { started = try root.contains("/bin/sh") ? launcher() : nil }
    return Start(
      environment: process.environment.filter { !unsaid.contains($0) },
      executeCommand: executed.compactMap(quotedWord).joined(separator: " "),
      initCommand: started?.joined(separator: " "))
  }

  /// In `lxc.init.cmd` quotes are characters like others, and spaces separate.
  private static func isBareWord(_ text: String) -> Bool {
    !text.isEmpty && text.isOneLine && !text.utf8.contains(UInt8(ascii: " "))
  }

  /// In `lxc.execute.cmd` words are bare, or in quotes of one of two kinds, and there are no escapes.
  /// - Returns: nil if the text cannot be one.
  private static func quotedWord(_ text: String) -> String? {
    guard text.isOneLine else { return nil }
    let bytes = text.utf8
    if !bytes.contains(UInt8(ascii: "'")) { return "'\(text)'" }
    if !bytes.contains(UInt8(ascii: "\"")) { return "\"\(text)\"" }
    let startsWithQuote = bytes.first == UInt8(ascii: "'") || bytes.first == UInt8(ascii: "\"")
    return startsWithQuote || bytes.contains(UInt8(ascii: " ")) ? nil : text
  }

  /// LXC takes one pair of quotes off a value, whatever is within; without it, spaces at the ends and quotes
  /// that belong to the value would go.
  private static func quoted(_ value: String) -> String { "\"\(value)\"" }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64, first != UInt8(ascii: "-"),
      first != UInt8(ascii: "."),
      first != UInt8(ascii: "_")
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
