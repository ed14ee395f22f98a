import ContainerImage

/// The credentials that the user's machine has for registries, in the files and helpers of Docker and of containers'
/// tools.
///
/// ```swift
/// let store = CredentialStore(.current())
/// let credentials = try store.credentials(for: CredentialScope(registry: "quay.io", repository: repository))
/// ```
///
/// Files are read at each call; a call may start a helper, and blocks until it has ended.
public struct CredentialStore: Sendable {
  /// Stands for the files in a list of helpers (containers-registries.conf(5), `credential-helpers`).
  public static let files = "containers-auth.json"

  /// What forgetting came to.
  public struct Erasure: Sendable, Hashable {
    /// Where the credentials were; nil if there were none.
    public let erased: CredentialPlace?
    /// Where there are others still, which another program stored.
    public let remaining: CredentialPlace?
  }

  private let environment: UserEnvironment
  private let helpers: [String]

  /// - Parameter helpers: `RegistriesConfiguration.credentialHelpers`: what to ask, in this order.
  public init(_ environment: UserEnvironment, helpers: [String] = [Self.files]) {
    self.environment = environment
    self.helpers = helpers.isEmpty ? [Self.files] : helpers
  }

  /// What to show to a registry for a repository: the first found in the order of containers-auth.json(5), where within a
  /// file the most specific entry counts.
  /// - Throws: `SettingsError`: a file is broken, or a helper failed and nothing else has credentials.
  public func credentials(for scope: CredentialScope) throws(SettingsError) -> Credentials {
    try find(scope)?.credentials ?? .anonymous
  }

  /// The same with the place where they are; nil if there are none.
  /// - Throws: as `credentials(for:)`
  public func find(
    _ scope: CredentialScope
  ) throws(SettingsError) -> (credentials: Credentials, place: CredentialPlace)? {
    var failure: SettingsError?
    for helper in helpers {
      do throws(SettingsError) {
        if helper == Self.files {
          for file in filesToRead {
            if let found = try file.find(scope, environment) { return found }
          }
        } else if let credentials = try CredentialHelper(helper, environment).get(scope.registry) {
          return (credentials, .helper(name: helper))
        }
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return nil
  }

  /// Keeps credentials for a registry where the next look-up finds them: in the first of the helpers, or in a file, or in
  /// the helper that the file names. The file is
  /// 1. the one that `REGISTRY_AUTH_FILE` names, or the `config.json` of the directory that `DOCKER_CONFIG` names, as in
  ///    `podman login` and `skopeo login`;
  /// 2. else the first one that is there already, in the order of the look-up;
  /// 3. else `$XDG_RUNTIME_DIR/containers/auth.json`, which those two always take. It is gone after a restart.
  ///
  /// Other contents of the file stay as they are; several processes may store at once.
  /// - Throws: `SettingsError`; then nothing has changed.
  public func store(
    _ credentials: Credentials, for registry: String
  ) throws(SettingsError) -> CredentialPlace {
    if let helper = helpers.first, helper != Self.files {
      try CredentialHelper(helper, environment).store(credentials, server: registry)
      return .helper(name: helper)
    }
    return try fileToWrite.store(credentials, for: registry, environment)
  }

  /// Forgets a registry's credentials, there where `store` would keep them.
  /// - Throws: `SettingsError`
  public func erase(_ registry: String) throws(SettingsError) -> Erasure {
    let erased: CredentialPlace?
    if let name = helpers.first, name != Self.files {
      erased = try CredentialHelper(name, environment).erase(registry) ? .helper(name: name) : nil
    } else {
      erased = try fileToWrite.erase(registry, environment)
    }
    return Erasure(erased: erased, remaining: try find(CredentialScope(registry: registry))?.place)
  }

  /// In their order. A file that the user names is the only one; a directory that the user names comes first.
  private var filesToRead: [CredentialFile] {
    if let path = environment["REGISTRY_AUTH_FILE"] { return [CredentialFile(path: path)] }
    var files = [
      runtimeFile, CredentialFile(path: environment.configurationHome + "/containers/auth.json"),
      CredentialFile(path: environment.home + "/.docker/config.json", isDockers: true),
      CredentialFile(path: environment.home + "/.dockercfg", isLegacy: true, isDockers: true),
    ]
    if let directory = environment["DOCKER_CONFIG"] {
      files.remove(at: 2)
      files.insert(CredentialFile(path: directory + "/config.json", isDockers: true), at: 0)
    }
    return files
  }

  private var fileToWrite: CredentialFile {
    let files = filesToRead
    let isNamed = environment["REGISTRY_AUTH_FILE"] != nil || environment["DOCKER_CONFIG"] != nil
    if isNamed, let file = files.first { return file }
    return files.first { !$0.isLegacy && SettingsFile.exists($0.path) } ?? runtimeFile
  }

  private var runtimeFile: CredentialFile {
    let directory =
      environment["XDG_RUNTIME_DIR"] ?? environment.machine("/run/containers/\(environment.userID)")
    // The default is containers' own directory already.
    let isOwn = environment["XDG_RUNTIME_DIR"] == nil
    return CredentialFile(path: directory + (isOwn ? "/auth.json" : "/containers/auth.json"))
  }
}
