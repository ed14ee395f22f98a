import ContainerImage
import ImageTransfer

/// What runs in a container of an image: worked out once, and then written in the form of each runtime.
public struct ContainerProcess: Sendable, Hashable {
  public struct Variable: Sendable, Hashable, CustomStringConvertible {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }

    /// `NAME=VALUE`
    public var description: String { name + "=" + value }
  }

  /// Not empty.
  public var arguments: [String]
  /// Each name once. There is a PATH and a HOME.
  public var environment: [Variable]
  /// Absolute, without `.` and `..`.
  public var workingDirectory: String
  public var user: ContainerUser

  /// What Docker and runc give a container whose image sets none.
  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// - Parameters:
  ///   - root: the unpacked image.
  ///   - arguments: the whole command line, in place of the image's entrypoint and command; nil for these.
  ///   - terminal: whether the process gets a terminal, and so a TERM.
  /// - Throws: `TransferError.notAnImage` if the image is not for Linux, has no command, names a user that it
  ///   lacks, or has a text that no process can be given; `.failed`
  public init(
    _ config: ImageConfig, in root: RootDirectory, arguments: [String]? = nil, terminal: Bool = false
  ) throws(TransferError) {
    guard config.os == "linux" else {
      throw .notAnImage(
        "the image is for \(config.os.quotedForMessage): containers here run images for linux")
    }
    let execution = config.config ?? ImageConfig.Execution()
    self.arguments = arguments ?? execution.arguments
    guard let program = self.arguments.first, !program.isEmpty else {
      throw .notAnImage("the image has no entrypoint and no command: say what its container is to run")
    }
    user = try ContainerUser(execution.user, in: root)
    workingDirectory = Self.clean(execution.workingDirectory ?? "")
    environment = try Self.environment(execution.environment ?? [])
    setDefault("PATH", Self.path)
    setDefault("HOME", user.home)
    if terminal { setDefault("TERM", "xterm") }
    let texts = self.arguments + environment.map(\.description) + [workingDirectory]
    guard texts.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw .notAnImage(
        "the image's command, environment or working directory has a zero byte, which ends a text")
    }
  }

  /// Makes the working directory in the image if it lacks it, as runc does by itself and others do not.
  /// - Throws: `TransferError.notAnImage`, `.failed`
  public func makeWorkingDirectory(in root: RootDirectory) throws(TransferError) {
    try root.makeDirectory(workingDirectory)
  }

  private mutating func setDefault(_ name: String, _ value: String) {
    if !environment.contains(where: { $0.name == name }) { environment.append(Variable(name, value)) }
  }

  /// Of several with a name, the last one counts, in the first one's place. An entry without `=` means to
  /// Docker that the variable is not set.
  /// - Throws: `TransferError.notAnImage`
  private static func environment(_ entries: [String]) throws(TransferError) -> [Variable] {
    var variables: [Variable] = []
    for entry in entries {
      guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else {
        variables.removeAll { $0.name == entry }
        continue
      }
      let variable = Variable(String(entry[..<equals]), String(entry[entry.utf8.index(after: equals)...]))
      guard !variable.name.isEmpty else {
        throw .notAnImage(
          "the image's environment has the entry \(entry.quotedForMessage), which lacks a name")
      }
      if let known = variables.firstIndex(where: { $0.name == variable.name }) {
        variables[known] = variable
      } else {
        variables.append(variable)
      }
    }
    return variables
  }

  /// The absolute path that `path` is in a container, without `.`, `..` and double slashes; `/` for none.
  static func clean(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init) {
      switch name {
      case ".": break
      case "..": _ = names.popLast()
      default: names.append(name)
      }
    }
    return "/" + names.joined(separator: "/")
  }
}
