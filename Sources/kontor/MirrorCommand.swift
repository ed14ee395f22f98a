import ArgumentParser
import Mirroring
import RegistryAPI

/// `kontor mirror`
struct MirrorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mirror", abstract: "See what comes from other registries.",
    subcommands: [MirrorStatusCommand.self])
}

/// `kontor mirror status`
struct MirrorStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say how the upstreams and the rules of replication are.",
    discussion: """
      Counts are since the server's start; without a server, only what is held is told.

      Example: kontor mirror status --config /etc/kontor/config.json
      Example: kontor mirror status --tags --format json --config /etc/kontor/config.json
      """)

  @OptionGroup var source: ConfigurationOptions
  @Flag(help: "Also list each tag with its upstream, when that said what it means, and its digest.")
  var tags = false
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() async throws {
    let settings = try source.settings()
    guard settings.mirrorUpstreams != nil || settings.mirrorSync != nil else {
      throw ConfigurationError(
        "nothing is mirrored: name the configuration with mirror.upstreams or mirror.sync in --config")
    }
    try await Maintenance(settings: settings, format: format).run("/mirror?tags=\(tags)") {
      [tags] store, logger in
      let parts = try RegistryParts(settings, store, logger)
      return .mirror(
        try await MirrorReport(of: parts.mirror, in: store, withTags: tags),
        try await parts.replicator?.states() ?? [])
    }
  }
}
