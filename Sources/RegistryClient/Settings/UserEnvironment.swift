import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// Who runs the program, and where the settings of that user and of the machine are. Nothing else in this module looks
/// at the process's environment, so that a test decides what is there.
public struct UserEnvironment: Sendable {
  /// The home directory.
  public let home: String
  /// The user's number, of which the default directory of run-time files is made.
  public let userID: UInt32
  /// Stands before the machine's own paths, such as `/etc/containers`: empty but in tests.
  public let root: String
  private let variables: [String: String]

  public init(home: String, variables: [String: String], userID: UInt32, root: String = "") {
    self.home = home
    self.variables = variables
    self.userID = userID
    self.root = root == "/" ? "" : root
  }

  /// Of this process.
  public static func current() -> UserEnvironment {
    let variables = ProcessInfo.processInfo.environment
    return UserEnvironment(home: home(variables), variables: variables, userID: getuid())
  }

  /// A variable's value; an empty one counts as unset, as it does for the tools whose settings these are.
  public subscript(variable: String) -> String? {
    guard let value = variables[variable], !value.isEmpty else { return nil }
    return value
  }

  /// For a program that is started: `NAME=value`.
  var assignments: [String] { variables.map { "\($0)=\($1)" } }

  /// A path of the machine, such as `/etc/docker/certs.d`.
  func machine(_ path: String) -> String { root + path }

  /// `$XDG_CONFIG_HOME`, or what stands for it.
  public var configurationHome: String { self["XDG_CONFIG_HOME"] ?? home + "/.config" }

  /// `$XDG_STATE_HOME`, or what stands for it.
  public var stateHome: String { self["XDG_STATE_HOME"] ?? home + "/.local/state" }

  private static func home(_ variables: [String: String]) -> String {
    if let home = variables["HOME"], !home.isEmpty { return home }
    // Under a service manager the variable may be missing.
    guard let user = getpwuid(getuid()), let directory = user.pointee.pw_dir else { return "/" }
    return String(cString: directory)
  }
}
