import ArgumentParser
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

/// `kontor policy`
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check a trust policy, and see what it says of an image.",
    subcommands: [PolicyCheckCommand.self, PolicyExplainCommand.self])

  /// Of the file that was given, else of the one that copies go by.
  static func path(_ given: String?) throws -> String {
    guard let path = try given ?? PolicyFile.standard(home: UserEnvironment.current().home) else {
      throw ConfigurationError("there is no policy: name one with --policy")
    }
    return path
  }
}

/// `kontor policy check`
struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say what is wrong with a policy, or which rules it has.",
    discussion: """
      Keys and certificates that the policy names are read, too.

      Example: kontor policy check /etc/containers/policy.json
      """)

  @Argument(help: ArgumentHelp("The policy.json.", valueName: "file")) var file: String

  func run() throws {
    let listing = PolicyListing(policy: try PolicyFile.read(file, at: Date()))
    for line in listing.lines { print(line) }
  }
}

/// `kontor policy explain`
struct PolicyExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say which rule of a policy applies to an image, and what follows from each signature.",
    discussion: """
      Without --policy it is the policy by which 'kontor pull' goes. The exit code is 0 for a refused image, too: \
      'kontor verify' is for scripts.

      Example: kontor policy explain registry.example/hello:v1 --policy policy.json
      """)

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG][@DIGEST], or another place to copy from.")
  var reference: String
  @Option(help: ArgumentHelp("A policy.json.", valueName: "file")) var policy: String?
  @OptionGroup var arguments: ClientArguments

  func run() throws {
    Interruption.watch()
    let path = try PolicyCommand.path(policy)
    let report = try TrustReport(reference, try PolicyFile.read(path, at: Date()), path, arguments)
    switch arguments.format {
    case .text: report.printExplanation()
    case .json: print(report.json.line)
    }
  }
}
