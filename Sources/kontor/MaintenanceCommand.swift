import ArgumentParser
import Logging
import Registry
import RegistryAPI
import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// How the answer of a command is written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

/// Runs a maintenance command in the server that has the data directory or, if none has, in this process.
struct Maintenance {
  let settings: Settings
  let format: OutputFormat

  /// - Parameters:
  ///   - target: of the control socket.
  ///   - makesData: whether a data directory is made where there is none.
  ///   - offline: the same work in this process.
  ///   - answer: what is printed instead of the report.
  func run(
    _ target: String, makesData: Bool = false, answer: String? = nil,
    offline: (ContentStore, Logger) async throws -> MaintenanceReport
  ) async throws {
    guard makesData || access(settings.data + "/kontor.sqlite", F_OK) == 0 else {
      throw Failure(
        message: "there is no registry's data in \(settings.data): name its directory with --data")
    }
    let logger = Logger(label: "kontor") { _ in StandardErrorLog(level: .error, format: settings.logFormat) }
    let report: String
    let isAlarming: Bool
    do {
      let store = try ContentStore(path: settings.data, logger: logger)
      let result = try await offline(store, logger)
      (report, isAlarming) = (format == .json ? result.json : result.text, result.isAlarming)
    } catch StorageError.inUse {
      let reply = try ControlClient(data: settings.data)
        .post(target + (target.contains("?") ? "&" : "?") + "format=\(format.rawValue)")
      guard reply.status == 200 else {
        throw Failure(message: reply.body, code: reply.status == 404 ? 3 : 1)
      }
      (report, isAlarming) = (reply.body, reply.isAlarming)
    } catch let error as StorageError {
      throw Failure(message: "\(error)")
    }
    print(answer ?? report)
    if isAlarming { throw ExitCode(1) }
  }
}

/// `kontor gc`
struct GCCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Remove what no manifest needs, now.",
    discussion: """
      A server does this by itself at every gc.interval, while it takes pushes. Run this on the same machine, \
      whether the server runs or not.

      Example: kontor gc --dry-run --data /var/lib/kontor
      """)

  @OptionGroup var source: ConfigurationOptions
  @Flag(help: "Only list what would be removed.") var dryRun = false
  @Option(
    help: ArgumentHelp(
      "Keep what was pushed or asked for so recently (default: gc.grace). With 0s, pushes that are going on may fail.",
      valueName: "duration"))
  var grace: String?
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() async throws {
    let settings = try source.settings()
    let grace = try grace.map { text throws(ConfigurationError) in
      try ConfigurationValue<Duration>.duration(atLeast: 0).parse(text, of: "--grace")
    }
    var target = "/gc?dry-run=\(dryRun)"
    if let grace { target += "&grace=\(grace.components.seconds)" }
    try await Maintenance(settings: settings, format: format).run(target) { [dryRun] store, logger in
      let collector = Collector(store: store, configuration: settings.collector, logger: logger)
      return dryRun
        ? try await collector.dryRun(grace: grace) : .collection(try await collector.collect(grace: grace))
    }
  }
}

/// `kontor scrub`
struct ScrubCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scrub", abstract: "Check every blob against its digest.",
    discussion: """
      Damaged blobs are moved to the quarantine in the data directory and reported, and clients no longer get \
      them; pushing the same content again heals them. Exits with 1 if any was found.

      Example: kontor scrub --rate 100MiB --data /var/lib/kontor
      """)

  @OptionGroup var source: ConfigurationOptions
  @Option(
    help: ArgumentHelp(
      "Bytes per second to read at most, such as 50MiB; 0 for no limit (default: scrub.rate).",
      valueName: "size"))
  var rate: String?
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() async throws {
    let settings = try source.settings()
    let rate =
      try rate.map { text throws(ConfigurationError) in
        try ConfigurationValue<Int64>.size(0...1 << 40).parse(text, of: "--rate")
      } ?? settings.scrubRate
    try await Maintenance(settings: settings, format: format).run("/scrub?rate=\(rate)") { store, _ in
      .scrub(try await store.scrub(rate: rate))
    }
  }
}
