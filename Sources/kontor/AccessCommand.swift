import Access
import ArgumentParser
import ContainerImage
import FoundationEssentials
import HTTPServer
import Registry
import Storage

/// `kontor access`
struct AccessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access", abstract: "See who may do what.", subcommands: [AccessExplainCommand.self])
}

/// `kontor access explain`
struct AccessExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say what somebody may do in a repository, and by which rule.",
    discussion: """
      The rules are those that --config names, or KONTOR_ACCESS_RULES. Groups are those of the rules' file and those given \
      with --group; see 'kontor user list' for a user's own.

      Example: kontor access explain alice team/app --config /etc/kontor/config.json
      Example: kontor access explain anonymous team/app --config /etc/kontor/config.json
      """)

  @Argument(help: "A user, 'anonymous', or as in rules: workload:NAME, certificate:NAME.") var user: String
  @Argument(help: "A repository, such as team/app.") var repository: String
  @Option(
    help: ArgumentHelp("A group that the identity brings with it. May be repeated.", valueName: "group"))
  var group: [String] = []
  @OptionGroup var source: ConfigurationOptions
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() async throws {
    let settings = try source.settings()
    let name: RepositoryName
    let identity: Identity
    do {
      name = try RepositoryName(parsing: repository)
      identity = try Identity(parsing: user, groups: Set(group))
    } catch {
      throw ConfigurationError("\(error)")
    }
    guard identity.kind != .token else {
      throw ConfigurationError("an API token may do what it was made for: see 'kontor token list'")
    }
    guard let configuration = try settings.access(at: settings.listen) else {
      throw ConfigurationError(
        "there are no rules: everybody may do everything; name the configuration with --config")
    }
    let decision = configuration.rules.decision(for: identity, on: name)
    let actions = AccessAction.allCases.filter(decision.actions.contains).map(\.rawValue)
    switch format {
    case .text:
      print("\(user) may \(actions.isEmpty ? "do nothing" : actions.joined(separator: ", ")) in \(name)")
      print(decision.rule.map { "by \($0)" } ?? "no rule is for it")
    case .json:
      var json = OrderedJSON.object([])
      json["user"] = .string(user)
      json["repository"] = .string("\(name)")
      json["actions"] = .array(actions.map { .string($0) })
      json["rule"] = decision.rule.map { .string($0) } ?? .literal("null")
      print(json.line)
    }
  }
}
