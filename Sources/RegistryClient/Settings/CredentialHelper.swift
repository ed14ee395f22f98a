import ContainerImage

/// A program `docker-credential-NAME` that keeps credentials (docker-credential-helpers, section "Development"): the action is
/// its argument, a server's name or a JSON document its input, its output the answer. It runs until it ends, for it may
/// wait for the user.
struct CredentialHelper {
  /// The user name under which helpers keep identity tokens.
  private static let tokenUser = "<token>"

  let name: String
  private let environment: UserEnvironment

  /// - Throws: `SettingsError.helper` if no program can have the name.
  init(_ name: String, _ environment: UserEnvironment) throws(SettingsError) {
    guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0) else {
      throw .helper(
        name: name, reason: "cannot be: a helper's name is the end of a program's name, without '/'")
    }
    self.name = name
    self.environment = environment
  }

  /// - Parameter server: the key under which the helper has the credentials.
  /// - Returns: nil if it has none.
  /// - Throws: `SettingsError.helper`
  func get(_ server: String) throws(SettingsError) -> Credentials? {
    let result = try run("get", input: server)
    guard result.status == 0 else {
      if Self.saysNotFound(result.output) { return nil }
      throw failure("get", result, showsOutput: true)
    }
    let answer: OrderedJSON
    do throws(InvalidValue) {
      answer = try OrderedJSON(parsing: result.output)
    } catch {
      throw .helper(name: name, reason: "gave an answer that cannot be read: \(error)")
    }
    guard let username = answer["Username"]?.string, let secret = answer["Secret"]?.string else {
      throw .helper(name: name, reason: "gave an answer without Username and Secret")
    }
    if username.isEmpty, secret.isEmpty { return nil }
    return username == Self.tokenUser
      ? .identityToken(Secret(secret)) : .password(username: username, password: Secret(secret))
  }

  /// - Throws: `SettingsError.helper`
  func store(_ username: String, _ secret: Secret, server: String) throws(SettingsError) {
    let document = OrderedJSON.object([
      .init(name: "ServerURL", value: .string(server)),
      .init(name: "Username", value: .string(username)),
      .init(name: "Secret", value: .string(secret.exposed)),
    ])
    let result = try run("store", input: document.line)
    // Its output could repeat its input.
    guard result.status == 0 else { throw failure("store", result, showsOutput: false) }
  }

  /// - Throws: `SettingsError.helper`
  func store(_ credentials: Credentials, server: String) throws(SettingsError) {
    switch credentials {
    case .anonymous: _ = try erase(server)
    case .password(let username, let password): try store(username, password, server: server)
    case .identityToken(let token): try store(Self.tokenUser, token, server: server)
    }
  }

  /// - Returns: whether it had any.
  /// - Throws: `SettingsError.helper`
  func erase(_ server: String) throws(SettingsError) -> Bool {
    // Helpers differ in whether they call it an error to erase what is not there.
    guard try get(server) != nil else { return false }
    let result = try run("erase", input: server)
    guard result.status == 0 || Self.saysNotFound(result.output) else {
      throw failure("erase", result, showsOutput: true)
    }
    return true
  }

  private func run(_ action: String, input: String) throws(SettingsError) -> HelperProcess.Result {
    do throws(HelperProcess.Failure) {
      return try HelperProcess.run("docker-credential-\(name)", action, input: input, environment)
    } catch {
      switch error {
      case .notFound:
        throw .helper(
          name: name, reason: "is not in PATH: install it, or take it out of the settings that name it")
      case .system(let reason): throw .helper(name: name, reason: "cannot be started: \(reason)")
      case .tooMuchOutput:
        throw .helper(name: name, reason: "gave more than \(HelperProcess.maximumOutput) bytes")
      }
    }
  }

  private static func saysNotFound(_ output: [UInt8]) -> Bool {
    String(decoding: output, as: UTF8.self).trimmed.hasPrefix("credentials not found")
  }

  private func failure(_ action: String, _ result: HelperProcess.Result, showsOutput: Bool) -> SettingsError {
    let line = String(decoding: result.output, as: UTF8.self).trimmed.prefix { !$0.isNewline }
    // What looks like JSON could be credentials.
    let isShown = showsOutput && !line.isEmpty && !line.contains("{")
    return .helper(
      name: name,
      reason: "failed to \(action), with exit code \(result.status)"
        + (isShown ? ": \(line.quotedForMessage)" : ""))
  }
}

extension StringProtocol {
  /// Without space at the beginning and the end.
  var trimmed: SubSequence {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return self[endIndex...] }
    return self[first...last]
  }
}
