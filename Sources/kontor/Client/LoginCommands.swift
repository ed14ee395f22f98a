import ArgumentParser
import ContainerImage
import RegistryClient

#if canImport(Glibc)
  import Glibc
#endif

/// `kontor login`
struct LoginCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Keep a user and password for a registry, once it has taken them.",
    discussion: """
      They are kept where docker, podman and skopeo look for them, too: in the file that REGISTRY_AUTH_FILE names, in \
      Docker's or containers' own, or with the credential helper that such a file names.

      Example: kontor login registry.example --username me --password-stdin < password.txt
      """)

  @Argument(help: "HOST[:PORT]") var registry: String
  @Option(name: .shortAndLong, help: "The user; asked for on a terminal.") var username: String?
  @Flag(help: "Read the password from standard input.") var passwordStdin = false
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    let host = try RegistryArgument.registry(registry)
    guard let user = username ?? Prompt.line("User for \(host): "), !user.isEmpty else {
      throw ConfigurationError("there is no user: give one with --username")
    }
    let password = passwordStdin ? Prompt.allOfStandardInput() : Prompt.secret("Password: ")
    guard let password, !password.isEmpty else {
      throw ConfigurationError("there is no password: use a terminal, or give it with --password-stdin")
    }
    Interruption.watch()
    let credentials = Credentials.password(username: user, password: password)
    let client = try arguments.client(credentials: credentials)
    try client.ping(host)
    do {
      let place = try client.credentials.store(credentials, for: host)
      if !arguments.quiet { printError("logged in to \(host); the password is kept in \(place)") }
    } catch {
      throw error.transferError
    }
  }
}

/// `kontor logout`
struct LogoutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Forget the user and password for a registry.",
    discussion: "Example: kontor logout registry.example")

  @Argument(help: "HOST[:PORT]") var registry: String
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    let host = try RegistryArgument.registry(registry)
    do {
      let erasure = try arguments.client().credentials.erase(host)
      if let remaining = erasure.remaining {
        throw Failure(
          message:
            "there is still a login for \(host) in \(remaining): remove it with the program that made it")
      }
      guard erasure.erased != nil else { throw Failure(message: "there is no login for \(host)", code: 3) }
    } catch let error as SettingsError {
      throw error.transferError
    }
  }
}

/// Asks the user.
enum Prompt {
  /// - Returns: nil if nobody is there to be asked.
  static func line(_ question: String) -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return nil }
    _ = Array(question.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    return readLine()
  }

  /// The same without showing what is typed.
  static func secret(_ question: String) -> Secret? {
    guard isatty(STDIN_FILENO) == 1 else { return nil }
    var shown = termios()
    tcgetattr(STDIN_FILENO, &shown)
    var hidden = shown
    hidden.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
      printError("")
    }
    return line(question).map { Secret($0) }
  }

  /// Without the line's end that most programs write.
  static func allOfStandardInput() -> Secret? {
    var text = ""
    while let line = readLine(strippingNewline: false), text.utf8.count < 1 << 20 { text += line }
    if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
    return Secret(text)
  }
}
