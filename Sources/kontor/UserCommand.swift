import Access
import ArgumentParser
import FoundationEssentials
import Registry
import RegistryAPI

/// `kontor user`
struct UserCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user", abstract: "Manage the users of a registry.",
    subcommands: [
      UserAddCommand.self, UserPasswordCommand.self, UserRemoveCommand.self, UserListCommand.self,
    ])
}

/// What the commands for users and tokens need, and how they are carried out.
struct AdministrationArguments: ParsableArguments {
  @OptionGroup var source: ConfigurationOptions
  @Option(help: "text or json.") var format = OutputFormat.text

  /// In the server that has the data directory or, if none has, in this process.
  /// - Parameter answer: what is printed instead of a report.
  func perform(_ command: AccessAdministration.Command, answering answer: String? = nil) async throws {
    let settings = try source.settings()
    let json = String(decoding: try JSONEncoder().encode(command), as: UTF8.self)
    try await Maintenance(settings: settings, format: format).run(
      "/access?command=\(json.percentEncoded)", makesData: true, answer: answer
    ) { store, _ in
      let administration = AccessAdministration(store: store, access: nil)
      do {
        return .access(try await administration.perform(command))
      } catch let failure as AccessAdministration.Failure {
        throw Failure(message: "\(failure)", code: failure.exitCode)
      }
    }
  }
}

/// The new password of a user.
struct PasswordArguments: ParsableArguments {
  @Flag(help: "Read the password from standard input; else it is asked for.") var passwordStdin = false

  /// - Returns: its bcrypt hash.
  func hash() throws -> String {
    let password = passwordStdin ? Prompt.allOfStandardInput() : Prompt.secret("Password: ")
    guard let password, !password.isEmpty else {
      throw ConfigurationError("there is no password: use a terminal, or give it with --password-stdin")
    }
    do {
      return try PasswordHash(hashing: password.exposed).text
    } catch {
      throw ConfigurationError("the password cannot be used: \(error)")
    }
  }
}

/// `kontor user add`
struct UserAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a user with a password.",
    discussion: """
      What users may do is said by access.rules. A running server knows of it at once.

      Example: kontor user add alice --group dev --data /var/lib/kontor
      Example: kontor user add alice --password-stdin < password.txt
      """)

  @Argument(help: ArgumentHelp("What the user logs in as.", valueName: "user")) var name: String
  @Option(help: ArgumentHelp("A group that the rules name. May be repeated.", valueName: "group"))
  var group: [String] = []
  @OptionGroup var password: PasswordArguments
  @OptionGroup var arguments: AdministrationArguments

  mutating func validate() throws {
    guard !name.isEmpty, !name.utf8.contains(where: { $0 < 0x21 || $0 == UInt8(ascii: ":") || $0 == 0x7F })
    else {
      throw ValidationError("a user's name is not empty, and has no space and no colon")
    }
    guard group.allSatisfy({ !$0.isEmpty && !$0.utf8.contains { $0 < 0x21 } }) else {
      throw ValidationError("a group's name is not empty, and has no space")
    }
  }

  func run() async throws {
    try await arguments.perform(.addUser(name: name, passwordHash: try password.hash(), groups: group))
  }
}

/// `kontor user passwd`
struct UserPasswordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "passwd", abstract: "Change a user's password.",
    discussion: """
      Tokens that the user has got with the former one count no more.

      Example: kontor user passwd alice --data /var/lib/kontor
      """)

  @Argument(help: ArgumentHelp("What the user logs in as.", valueName: "user")) var name: String
  @OptionGroup var password: PasswordArguments
  @OptionGroup var arguments: AdministrationArguments

  func run() async throws {
    try await arguments.perform(.setPassword(name: name, passwordHash: try password.hash()))
  }
}

/// `kontor user remove`
struct UserRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a user, whose tokens count no more then.",
    discussion: "Example: kontor user remove alice --data /var/lib/kontor")

  @Argument(help: ArgumentHelp("What the user logs in as.", valueName: "user")) var name: String
  @OptionGroup var arguments: AdministrationArguments

  func run() async throws { try await arguments.perform(.removeUser(name: name)) }
}

/// `kontor user list`
struct UserListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the users, with their groups.",
    discussion: """
      Users of access.htpasswd are not among them.

      Example: kontor user list --format json --data /var/lib/kontor
      """)

  @OptionGroup var arguments: AdministrationArguments

  func run() async throws { try await arguments.perform(.listUsers) }
}

extension AccessAdministration.Failure {
  fileprivate var exitCode: CInt {
    switch self {
    case .unknown: 3
    case .exists: 1
    }
  }
}
