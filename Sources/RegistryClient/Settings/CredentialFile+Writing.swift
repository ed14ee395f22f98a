import ContainerImage
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

extension CredentialFile {
  /// Instead of a user name beside an identity token: containers' tools read the token only from an entry that has one.
  private static let tokenUser = "<token>"

  /// Takes credentials for the whole of a registry, in place of any that the file has; by the helper that the file names, if
  /// it names one.
  /// - Returns: where they are now.
  /// - Throws: `SettingsError`; then the file is as it was.
  func store(
    _ credentials: Credentials, for registry: String, _ environment: UserEnvironment
  ) throws(SettingsError) -> CredentialPlace {
    try withLock { () throws(SettingsError) in
      var document = try read()
      let helper = helper(document, registry)
      let key = key(for: registry, document)
      var auths = withoutEntries(document["auths"], registry)
      if let helper {
        try CredentialHelper(helper.name, environment).store(credentials, server: helper.server)
        // As Docker does: tells that there is a login, and takes away a password that was here before.
        auths[key] = .object([])
      } else {
        auths[key] = Self.entry(credentials)
      }
      document["auths"] = auths
      try replace(with: document)
      return helper.map { .helper(name: $0.name) } ?? .file(path)
    }
  }

  /// - Returns: where credentials for the whole registry were; nil if there were none.
  /// - Throws: `SettingsError`; then the file is as it was.
  func erase(
    _ registry: String, _ environment: UserEnvironment
  ) throws(SettingsError) -> CredentialPlace? {
    guard SettingsFile.exists(path) else { return nil }
    return try withLock { () throws(SettingsError) in
      var document = try read()
      var place: CredentialPlace?
      if let helper = helper(document, registry),
        try CredentialHelper(helper.name, environment).erase(helper.server)
      {
        place = .helper(name: helper.name)
      }
      guard let old = document["auths"] else { return place }
      let auths = withoutEntries(old, registry)
      guard auths.members.count < old.members.count else { return place }
      document["auths"] = auths
      try replace(with: document)
      return place ?? .file(path)
    }
  }

  /// The table without what is for the whole of a registry, under whichever of its names.
  private func withoutEntries(_ auths: OrderedJSON?, _ registry: String) -> OrderedJSON {
    let scope = CredentialScope(registry: registry)
    return .object((auths?.members ?? []).filter { !CredentialKey($0.name).covers(scope) })
  }

  private static func entry(_ credentials: Credentials) -> OrderedJSON {
    func encoded(_ text: String) -> OrderedJSON { .string(Data(text.utf8).base64EncodedString()) }
    switch credentials {
    case .anonymous: return .object([])
    case .password(let username, let password):
      return .object([.init(name: "auth", value: encoded(username + ":" + password.exposed))])
    case .identityToken(let token):
      return .object([
        .init(name: "auth", value: encoded(tokenUser + ":")),
        .init(name: "identitytoken", value: .string(token.exposed)),
      ])
    }
  }

  /// Runs the body while no other process of this program changes the file. The lock is a file beside it, which stays,
  /// for the file itself is replaced.
  private func withLock<Result>(
    _ body: () throws(SettingsError) -> Result
  ) throws(SettingsError) -> Result {
    try makeDirectory()
    let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unwritable(path: path + ".lock", reason: SettingsFile.reason()) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw .unwritable(path: path + ".lock", reason: SettingsFile.reason()) }
    }
    return try body()
  }

  private func makeDirectory() throws(SettingsError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/").dropLast() {
      prefix += component
      if mkdir(prefix, 0o700) != 0, errno != EEXIST {
        let code = errno
        // A directory above may be there although this user could not have made it.
        if SettingsFile.exists(prefix) { prefix += "/"; continue }
        throw .unwritable(
          path: path,
          reason:
            "cannot create \(prefix): \(String(cString: strerror(code))); name another file with REGISTRY_AUTH_FILE"
        )
      }
      prefix += "/"
    }
  }

  /// Puts a new file in the old one's place, complete or not at all, for its owner only to read.
  private func replace(with document: OrderedJSON) throws(SettingsError) {
    // A link, as to a folder of configuration under version control, stays one.
    var target = path
    if let resolved = realpath(path, nil) {
      target = String(cString: resolved)
      free(resolved)
    }
    var old = stat()
    let isThere = stat(target, &old) == 0
    guard !isThere || old.st_mode & S_IFMT == S_IFREG else {
      throw .unwritable(path: path, reason: "it is not a regular file")
    }
    let temporary = "\(target).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: SettingsFile.reason()) }
    defer { close(descriptor) }
    // With sudo the home directory is often another user's: the file stays theirs.
    if isThere { _ = fchown(descriptor, old.st_uid, old.st_gid) }
    let bytes = Array(document.document.utf8)
    var isWritten = fchmod(descriptor, 0o600) == 0
    var done = 0
    while isWritten, done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { done += count } else { isWritten = count < 0 && errno == EINTR }
    }
    guard isWritten, fsync(descriptor) == 0, rename(temporary, target) == 0 else {
      let reason = SettingsFile.reason()
      unlink(temporary)
      throw .unwritable(path: path, reason: reason)
    }
  }
}
