import ContainerImage
import Foundation

@testable import RegistryClient

/// A machine whose files are all in one temporary directory: the user's below `home`, the machine's below `root`.
struct SettingsMachine {
  let directory: String
  var variables: [String: String] = [:]

  var home: String { directory + "/home" }
  var root: String { directory + "/root" }
  var run: String { directory + "/run" }

  var environment: UserEnvironment {
    var all = ["PATH": "\(directory)/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": run]
    all.merge(variables) { _, new in new }
    return UserEnvironment(home: home, variables: all, userID: 1000, root: root)
  }

  var store: CredentialStore { CredentialStore(environment) }

  /// - Returns: the file's path.
  @discardableResult func write(_ path: String, _ text: String) throws -> String {
    let url = URL(filePath: path.hasPrefix("/") ? path : directory + "/" + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: directory + "/" + path)), as: UTF8.self)
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: directory + "/" + path) }

  /// Another process writes it: were it open for writing in this one, a program that another test starts at this moment
  /// could keep it open too, and then it could not be run.
  func program(_ name: String, _ script: String) throws {
    let path = directory + "/bin/" + name
    try FileManager.default.createDirectory(atPath: directory + "/bin", withIntermediateDirectories: true)
    _ = try HelperProcess.run("tee", path, input: "#!/bin/sh\n" + script, environment)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  }

  /// A helper that keeps what it is given in files of the directory `kept`, named by the server without its slashes.
  func helper(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: directory + "/kept", withIntermediateDirectories: true)
    try program(
      "docker-credential-" + name,
      """
      cd \(directory)/kept
      echo "$1" "$#" >>log
      case $1 in
      get) f=$(tr -d /); test -f "$f" || { echo 'credentials not found in native keychain'; exit 1; }; cat "$f" ;;
      store) j=$(cat); f=$(printf %s "$j" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr -d /); printf %s "$j" >"$f" ;;
      erase) f=$(tr -d /); rm "$f" ;;
      esac
      """)
  }

  func keep(_ server: String, _ username: String, _ secret: String) throws {
    try write(
      "kept/" + server.filter { $0 != "/" },
      #"{"ServerURL":"\#(server)","Username":"\#(username)","Secret":"\#(secret)"}"#)
  }
}

func withMachine<Result>(_ body: (inout SettingsMachine) throws -> Result) throws -> Result {
  let path = "/var/tmp/kontor-settings-\(UUID())"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  var machine = SettingsMachine(directory: path)
  return try body(&machine)
}

func reference(_ text: String) throws -> ImageReference { try ImageReference(parsing: text) }

/// Of a repository `registry/name…`, or of a registry alone.
func scope(_ text: String) throws -> CredentialScope {
  guard text.contains("/") else { return CredentialScope(registry: text) }
  let reference = try ImageReference(parsing: text)
  return CredentialScope(registry: reference.registry, repository: reference.repository)
}

func login(_ username: String, _ password: String) -> Credentials {
  .password(username: username, password: Secret(password))
}

/// A file's entry: `"key": {"auth": "…"}`
func auth(_ key: String, _ username: String, _ password: String = "pw") -> String {
  #""\#(key)": {"auth": "\#(Data("\(username):\(password)".utf8).base64EncodedString())"}"#
}

/// Text of an error that is thrown; nil if none is.
func message(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}
