import ArgumentParser
import Mirroring
import RegistryAPI
import RegistryClient
import Logging

/// `kontor mirror`
struct MirrorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mirror", abstract: "See what comes from other registries.",
    subcommands: [MirrorStatusCommand.self])
}

/// `kontor mirror status`
struct MirrorStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say how the upstreams are, and what there is from them.",
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
    guard let list = try settings.upstreams() else {
      throw ConfigurationError(
        "nothing is mirrored: name the configuration with mirror.upstreams in --config")
    }
    try await Maintenance(settings: settings, format: format).run("/mirror?tags=\(tags)") {
      [tags] registry, _ in
      let logger = Logger(label: "kontor") { _ in StandardErrorLog(level: .error, format: .text) }
      let mirror = UpstreamMirror(list, registry: registry, environment: .current(), logger: logger)
      return .mirror(try await mirror.report(withTags: tags))
    }
  }
}
