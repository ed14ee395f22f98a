import ArgumentParser
import FoundationEssentials
import HTTPServer
import Logging

/// `kontor serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the registry.",
    discussion: """
      Without options it listens on http://127.0.0.1:5000 and keeps its data in ./kontor-data. Every key of \
      config.example.json can also be set as an environment variable KONTOR_SECTION_KEY (such as \
      KONTOR_GC_INTERVAL=30m); options win over the environment, the environment over the file.

      SIGTERM and SIGINT stop the registry when the requests that are being served have ended; SIGHUP makes it \
      read its TLS certificate, its rules of access, its users and its trust policy again.

      Example: kontor serve --listen 127.0.0.1:5000 --data /var/lib/kontor
      Example: kontor serve --listen :443 --tls-cert cert.pem --tls-key key.pem --config /etc/kontor.json
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "Where to listen: HOST:PORT, [IPV6]:PORT, :PORT for all addresses, or unix:PATH. May be repeated.",
      valueName: "address"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp("The certificate for HTTPS, in PEM form, with intermediates.", valueName: "file"))
  var tlsCert: String?

  @Option(help: ArgumentHelp("The certificate's key, in PEM form.", valueName: "file"))
  var tlsKey: String?

  @Flag(help: "Listen for other machines without TLS, or without asking who they are.") var insecure = false

  @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
  var logLevel: String?

  func run() async throws {
    var settings = try source.settings()
    if !listen.isEmpty {
      settings.listen = try listen.map { text throws(ConfigurationError) in
        guard let address = ListenAddress(parsing: text) else {
          throw ConfigurationError(
            "--listen is \"\(text)\": expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH")
        }
        return address
      }
    }
    if insecure { settings.insecure = true }
    if let tlsCert { settings.tlsCertificate = tlsCert }
    if let tlsKey { settings.tlsKey = tlsKey }
    if let logLevel {
      guard let level = Logger.Level(rawValue: logLevel) else {
        throw ConfigurationError(
          "--log-level is \"\(logLevel)\": expected one of "
            + Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
      }
      settings.logLevel = level
    }
    try settings.validate()
    try await Service(settings).run()
  }
}

/// Where settings come from; for all commands that have some.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A configuration file; see config.example.json.", valueName: "file"))
  var config: String?

  @Option(
    help: ArgumentHelp("The directory of the registry's data (default: ./kontor-data).", valueName: "dir"))
  var data: String?

  func settings() throws(ConfigurationError) -> Settings {
    var settings = try ConfigurationReader().settings(
      file: config, environment: ProcessInfo.processInfo.environment)
    if let data {
      guard !data.isEmpty else {
        throw ConfigurationError("--data is empty: expected the path of a directory")
      }
      settings.data = data
    }
    return settings
  }
}
