import ContainerImage
import ImageTransfer

/// The settings file of a container of systemd-nspawn (systemd.nspawn(5)).
///
/// The directory layout is `DIR/NAME`, the root file system, and `DIR/NAME.nspawn`, this text:
/// `systemd-nspawn -D DIR/NAME` reads it by itself.
public struct NspawnSettings: Sendable, Hashable {
  /// The content of `NAME.nspawn`.
  public let text: String
  /// What the image lacks, or asks for and nspawn does not do, in sentences for the user. None of it is made
  /// up for.
  public let shortcomings: [String]

  /// - Parameters:
  ///   - root: the unpacked image.
  ///   - arguments: the whole command line, in place of the image's.
  /// - Throws: `TransferError.notAnImage` if the image cannot be run, or a variable cannot be set; `.failed`
  public init(_ config: ImageConfig, root: RootDirectory, arguments: [String]? = nil) throws(TransferError) {
    let process = try ContainerProcess(config, in: root, arguments: arguments)
    for variable in process.environment where !Self.isVariable(variable) {
      throw .notAnImage(
        "systemd-nspawn cannot be given the image's variable \(variable.name.quotedForMessage): its name or its value "
          + "has characters that are not allowed there")
    }
    // A backslash would join the next line, and a space at the end would go.
    guard process.workingDirectory.isOneLine, process.workingDirectory.last != "\\",
      process.workingDirectory.last != " "
    else {
      throw .notAnImage(
        "systemd-nspawn cannot be told the image's working directory \(process.workingDirectory.quotedForMessage)"
      )
    }
    let unsaid = process.environment.filter { !$0.value.isOneLine }
    var command = process.arguments
    if !unsaid.isEmpty || !command.allSatisfy(\.isOneLine) {
      command = try ShellLauncher.arguments(
        for: command, exporting: unsaid, in: root,
        because: "systemd-nspawn's settings cannot express the image's command or environment")
    }
    var lines = ["[Exec]", "Boot=no", "Parameters=" + command.map(Self.word).joined(separator: " ")]
    for variable in process.environment where !unsaid.contains(variable) {
      lines.append("Environment=" + Self.word(variable.description))
    }
    if process.user.uid != 0 { lines.append("User=" + (process.user.name ?? String(process.user.uid))) }
    lines.append("WorkingDirectory=" + process.workingDirectory)
    text = lines.joined(separator: "\n") + "\n"
    shortcomings = try Self.shortcomings(of: process.user, in: root)
  }

  private static func shortcomings(of user: ContainerUser, in root: RootDirectory) throws(TransferError)
    -> [String]
  {
    var found: [String] = []
    if try !root.contains("/usr") {
      found.append("the image has no /usr: systemd-nspawn starts no container without that directory")
    }
    if try !root.contains("/etc/os-release"), try !root.contains("/usr/lib/os-release") {
      found.append(
        "the image has no os-release file: it can be run, but not booted (systemd-nspawn --boot, machinectl start)"
      )
    }
    if user.uid != 0 {
      if user.name == nil {
        found.append(
          "the image runs as \(user.uid), whom its /etc/passwd does not have: systemd-nspawn takes only users that "
            + "it finds there"
        )
      }
      if try !root.contains("/usr/bin/getent"), try !root.contains("/bin/getent") {
        found.append(
          "the image has no getent program, by which systemd-nspawn looks up the user that the image runs as")
      }
    }
    if !user.hasOwnGroups {
      found.append(
        "the image names the group \(user.gid) to run with: systemd-nspawn takes those of /etc/passwd and /etc/group "
          + "instead"
      )
    }
    return found
  }

  /// Words in settings files may be put together of quoted pieces, and a backslash is a character like
  /// others.
  private static func word(_ text: String) -> String {
    "'"
      + text.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }.joined(separator: #"'"'"'"#) + "'"
  }

  /// systemd's rule for variables: line feeds and tabs are the only control characters.
  private static func isVariable(_ variable: ContainerProcess.Variable) -> Bool {
    ShellLauncher.isVariableName(variable.name)
      && variable.value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x0a || $0 == 0x09 }
  }
}
