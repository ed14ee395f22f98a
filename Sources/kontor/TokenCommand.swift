import Access
import ArgumentParser
import ContainerImage
import FoundationEssentials
import Registry

/// `kontor token`
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Manage the tokens by which programs log in.",
    subcommands: [TokenCreateCommand.self, TokenRevokeCommand.self, TokenListCommand.self])
}

/// `kontor token create`
struct TokenCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a token for a program, and print it once.",
    discussion: """
      A program logs in with it as the password, under any user name, or sends it as a bearer token. It may do what is said \
      here, whatever the rules say of others.

      Example: kontor token create ci --repository 'team/**' --actions pull,push --expires 30d --data /var/lib/kontor
      """)

  @Argument(help: "What the token is called in lists and logs.") var name: String
  @Option(
    help: ArgumentHelp(
      "Where it may do something, such as team/app, team/* or team/**. May be repeated.",
      valueName: "pattern"))
  var repository: [String]
  @Option(
    help: ArgumentHelp("What it may do: pull, push, delete, sign, admin, with commas.", valueName: "actions"))
  var actions: String
  @Option(help: ArgumentHelp("For how long, such as 12h or 30d (default: for ever).", valueName: "duration"))
  var expires: String?
  @OptionGroup var arguments: AdministrationArguments

  func run() async throws {
    let chosen = try actions.split(separator: ",").map { text throws(ConfigurationError) in
      guard let action = AccessAction(rawValue: String(text)) else {
        throw ConfigurationError(
          "--actions has \"\(text)\": expected pull, push, delete, sign and admin, with commas")
      }
      return action
    }
    guard !chosen.isEmpty, !name.isEmpty, !name.utf8.contains(where: { $0 < 0x21 }) else {
      throw ConfigurationError("a token has a name without spaces, and may do something: name some --actions")
    }
    for pattern in repository {
      do { _ = try RepositoryPattern(parsing: pattern) } catch {
        throw ConfigurationError("--repository is \"\(pattern)\": \(error)")
      }
    }
    let lifetime = try expires.map { text throws(ConfigurationError) in
      try ConfigurationValue<Duration>.duration(atLeast: 1).parse(text, of: "--expires").components.seconds
    }
    let token = APIToken.make()
    try await arguments.perform(
      .addToken(
        id: token.id, hash: token.hash, name: name, repositories: repository,
        actions: chosen.map(\.rawValue),
        expiresAt: lifetime.map { Int64(Date().timeIntervalSince1970) + $0 }), answering: answer(token))
  }

  private func answer(_ token: APIToken) -> String {
    guard arguments.format == .json else { return token.text }
    var json = OrderedJSON.object([])
    json["name"] = .string(name)
    json["id"] = .string(token.id)
    json["token"] = .string(token.text)
    return json.line
  }
}

/// `kontor token revoke`
struct TokenRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "End a token, at once.",
    discussion: "Example: kontor token revoke ci --data /var/lib/kontor")

  @Argument(help: "The token's name or ID.") var name: String
  @OptionGroup var arguments: AdministrationArguments

  func run() async throws { try await arguments.perform(.removeToken(name: name)) }
}

/// `kontor token list`
struct TokenListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the tokens, without their secrets.",
    discussion: "Example: kontor token list --data /var/lib/kontor")

  @OptionGroup var arguments: AdministrationArguments

  func run() async throws { try await arguments.perform(.listTokens) }
}
