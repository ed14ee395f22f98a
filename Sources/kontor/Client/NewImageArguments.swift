import ArgumentParser
import ContainerImage
import FoundationEssentials
import Runtimes

/// What is said of an image that is made of a root file system.
struct NewImageArguments: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The command of the image that is made. Repeated for each of its arguments.", valueName: "argument"))
  var entrypoint: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "What follows the entrypoint unless a user says otherwise. Repeated for each argument.",
      valueName: "argument"))
  var cmd: [String] = []

  @Option(
    help: ArgumentHelp("A variable of the command's environment. May be repeated.", valueName: "name=value"))
  var env: [String] = []

  @Option(help: ArgumentHelp("The directory that the command starts in.", valueName: "dir"))
  var workdir: String?

  @Option(
    help: ArgumentHelp("Whom the command runs as: a name or number, or two.", valueName: "user[:group]"))
  var user: String?

  @Option(help: ArgumentHelp("A label of the image. May be repeated.", valueName: "name=value"))
  var label: [String] = []

  @Option(
    help: ArgumentHelp(
      "When the image was made, such as 2026-01-31T12:00:00Z, or now. Without it, the image has no time.",
      valueName: "time"))
  var created: String?

  mutating func validate() throws {
    for (option, values) in [("--env", env), ("--label", label)] {
      for value in values where !value.dropFirst().utf8.contains(UInt8(ascii: "=")) || value.hasPrefix("=") {
        throw ValidationError("\(option) is \(value.quotedForMessage): expected name=value")
      }
    }
    if let workdir, !workdir.hasPrefix("/") {
      throw ValidationError("--workdir is \(workdir.quotedForMessage): expected a path that begins with /")
    }
    if let created, Self.time(created) == nil {
      throw ValidationError(
        "--created is \(created.quotedForMessage): expected a time such as 2026-01-31T12:00:00Z, or now")
    }
  }

  /// - Parameter platform: that the image is for; nil for this machine's.
  /// - Returns: nil if nothing is said, and nothing is to be made.
  func options(_ platform: Platform?, for source: ImageLocation) -> RootFSTarImport.Options? {
    var options = RootFSTarImport.Options()
    options.execution.entrypoint = entrypoint.isEmpty ? nil : entrypoint
    options.execution.command = cmd.isEmpty ? nil : cmd
    options.execution.environment = env.isEmpty ? nil : env
    options.execution.workingDirectory = workdir
    options.execution.user = user
    if !label.isEmpty {
      let pairs = label.map { text in
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      }
      // The last one counts.
      options.execution.labels = Dictionary(pairs) { $1 }
    }
    options.created = created.flatMap(Self.time)
    if case .export(.rootFSTar, _) = source {
      options.platform = platform ?? .current
      return options
    }
    return options == RootFSTarImport.Options() ? nil : options
  }

  /// In the one form that equal times have.
  private static func time(_ text: String) -> String? {
    if text == "now" { return Date.now.formatted(.iso8601) }
    return (try? Date(text, strategy: .iso8601))?.formatted(.iso8601)
  }
}
