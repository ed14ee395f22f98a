import ArgumentParser
import RegistryAPI
import Replication

/// `kontor sync`
struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Bring images from one registry to another, by the rules of mirror.sync.",
    discussion: """
      A server runs the rules that have a schedule by itself. Run this on the same machine, whether the server runs or not. \
      With --dry-run it asks the registries for their tags and what these mean, fetches nothing, and prints what it would do. \
      Exits with 1 if anything failed; what was interrupted goes on with the next run.

      Example: kontor sync --once base-images --dry-run --config /etc/kontor/config.json
      Example: kontor sync --once base-images --config /etc/kontor/config.json
      """)

  @Option(help: ArgumentHelp("The rule to run now. May be repeated.", valueName: "rule"))
  var once: [String] = []
  @Flag(help: "Only print the plan.") var dryRun = false
  @OptionGroup var source: ConfigurationOptions
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() async throws {
    let settings = try source.settings()
    guard let list = try settings.replication(settings.upstreams()) else {
      throw ConfigurationError(
        "there are no rules: name the file with them as mirror.sync in the configuration, and that with --config"
      )
    }
    let names = list.rules.map(\.name)
    guard !once.isEmpty else {
      throw ConfigurationError(
        "say which rule is to run now with --once: \(names.joined(separator: ", ")); a server runs those with a schedule"
      )
    }
    if let unknown = once.first(where: { !names.contains($0) }) {
      throw ConfigurationError("\(Replicator.Failure.unknownRule(unknown, known: names))")
    }
    var failed = false
    for rule in once {
      do {
        try await Maintenance(settings: settings, format: format).run(
          "/sync?rule=\(rule)&dry-run=\(dryRun)", makesData: true
        ) { [dryRun] store, logger in
          guard let replicator = try RegistryParts(settings, store, logger).replicator else {
            throw ConfigurationError("there are no rules")
          }
          return .replication(try await replicator.run(rule, isDryRun: dryRun))
        }
      } catch is ExitCode {
        failed = true
      }
    }
    if failed { throw ExitCode(1) }
  }
}
