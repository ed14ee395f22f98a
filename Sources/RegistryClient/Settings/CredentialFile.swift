import ContainerImage
import FoundationEssentials

/// A file with credentials: containers' `auth.json` (containers-auth.json(5)), Docker's `config.json`, or the older
/// `.dockercfg`, which is the table of credentials alone.
struct CredentialFile {
  let path: String
  /// In the form of `.dockercfg`.
  var isLegacy = false
  /// Docker reads it too, which knows Docker Hub by another name than containers' tools do.
  var isDockers = false

  /// - Returns: an empty object if there is no such file, or nothing in it.
  /// - Throws: `SettingsError.unreadable`, `.malformed`
  func read() throws(SettingsError) -> OrderedJSON {
    guard let bytes = try SettingsFile.read(path) else { return .object([]) }
    if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0d).contains($0) }) { return .object([]) }
    let document: OrderedJSON
    do throws(InvalidValue) {
      document = try OrderedJSON(parsing: bytes)
    } catch {
      throw .malformed(path: path, reason: "\(error); correct the file, or move it away and log in again")
    }
    guard document.isObject else { throw .malformed(path: path, reason: "it is not a JSON object") }
    for name in ["auths", "credHelpers"] where !isLegacy {
      if let value = document[name], !value.isObject, value != .literal("null") {
        throw .malformed(path: path, reason: "\(name) is not a JSON object")
      }
    }
    return document
  }

  /// What the file has for a scope, the most specific first. Within one file a helper that it names for the registry
  /// comes first (as in containers' tools), then credentials for a part of the registry, then the helper for all registries
  /// (as in Docker), then the credentials for the registry. What has nothing gives way to the next.
  /// - Throws: `SettingsError`
  func find(
    _ scope: CredentialScope, _ environment: UserEnvironment
  ) throws(SettingsError) -> (Credentials, CredentialPlace)? {
    let document = try read()
    if !isLegacy, let (name, server) = registryHelper(document, scope.registry) {
      if let found = try ask(name, server, environment) { return found }
    }
    let entries = entries(document, scope)
    for (key, value) in entries where !CredentialKey(key, isLegacy: isLegacy).path.isEmpty {
      if let credentials = try credentials(value, key) { return (credentials, .file(path)) }
    }
    if !isLegacy, let name = document["credsStore"]?.string, !name.isEmpty {
      if let found = try ask(name, Self.dockersName(scope.registry), environment) { return found }
    }
    for (key, value) in entries where CredentialKey(key, isLegacy: isLegacy).path.isEmpty {
      if let credentials = try credentials(value, key) { return (credentials, .file(path)) }
    }
    return nil
  }

  /// The helper that keeps a registry's credentials, and the registry's name to it: the one for this registry, else
  /// the one for all.
  func helper(_ document: OrderedJSON, _ registry: String) -> (name: String, server: String)? {
    if let found = registryHelper(document, registry) { return found }
    guard let name = document["credsStore"]?.string, !name.isEmpty else { return nil }
    return (name, Self.dockersName(registry))
  }

  /// The key under which a registry's credentials are written: Docker's also in a file that has that already.
  func key(for registry: String, _ document: OrderedJSON) -> String {
    let dockers = Self.dockersName(registry)
    return isDockers || document["auths"]?[dockers] != nil ? dockers : registry
  }

  private func ask(
    _ name: String, _ server: String, _ environment: UserEnvironment
  ) throws(SettingsError) -> (Credentials, CredentialPlace)? {
    try CredentialHelper(name, environment).get(server).map { ($0, .helper(name: name)) }
  }

  /// Docker asks the helper for the key that names it, and so does this.
  private func registryHelper(_ document: OrderedJSON, _ registry: String) -> (name: String, server: String)?
  {
    let scope = CredentialScope(registry: registry)
    let matches = (document["credHelpers"]?.members ?? []).filter { CredentialKey($0.name).covers(scope) }
    let match = matches.last { $0.name == registry } ?? matches.last
    guard let match, let name = match.value.string, !name.isEmpty else { return nil }
    return (name, match.name)
  }

  /// The entries whose keys cover the scope; longer paths first, and then the registry's own name before others.
  private func entries(_ document: OrderedJSON, _ scope: CredentialScope) -> [(String, OrderedJSON)] {
    let table = isLegacy ? document : document["auths"] ?? .object([])
    return table.members
      .map { (text: $0.name, key: CredentialKey($0.name, isLegacy: isLegacy), value: $0.value) }
      .filter { $0.key.covers(scope) }
      .sorted { left, right in
        let lengths = (left.key.path.utf8.count, right.key.path.utf8.count)
        if lengths.0 != lengths.1 { return lengths.0 > lengths.1 }
        return left.text == scope.registry && right.text != scope.registry
      }
      .map { ($0.text, $0.value) }
  }

  /// - Returns: nil for an entry without credentials, as Docker leaves for what a helper keeps.
  private func credentials(_ entry: OrderedJSON, _ key: String) throws(SettingsError) -> Credentials? {
    if let token = entry["identitytoken"]?.string, !token.isEmpty { return .identityToken(Secret(token)) }
    if let encoded = entry["auth"]?.string?.trimmed, !encoded.isEmpty {
      guard let data = Data(base64Encoded: String(encoded)),
        let text = String(validating: data, as: UTF8.self),
        let colon = text.firstIndex(of: ":")
      else {
        throw .malformed(
          path: path,
          reason: "auth of \(key.quotedForMessage) is not a base64 text of username:password; log in again")
      }
      // Some old writers filled the text up with zeros.
      let password = text[text.index(after: colon)...].filter { $0 != "\0" }
      guard colon == text.startIndex, password.isEmpty else {
        return .password(username: String(text[..<colon]), password: Secret(password))
      }
    }
    guard let username = entry["username"]?.string, !username.isEmpty,
      let password = entry["password"]?.string
    else { return nil }
    return .password(username: username, password: Secret(password))
  }

  static func dockersName(_ registry: String) -> String {
    registry == ImageReference.dockerHub ? CredentialKey.dockerHubURL : registry
  }
}
