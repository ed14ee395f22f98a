import AppContainer
import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// What is said of App Container images on their way.
struct AppContainerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the image in aci:FILE is named; without it, as its registry and repository are.",
      valueName: "name[:version]"))
  var name: String?

  @Option(
    help: ArgumentHelp("A file with the signature that goes along with aci:FILE.", valueName: "file.asc"))
  var signature: String?

  @Flag(help: "Take any image of aci://NAME, whoever made it: its signature is not looked at.")
  var insecureSkipSignature = false

  /// What an image that is made is named, and where it comes from.
  /// - Throws: `ConfigurationError` if that cannot be known.
  func origin(of source: ImageLocation) throws -> ImageOrigin {
    var origin: ImageOrigin?
    switch source {
    case .registry(let reference): origin = try ImageOrigin(reference, originalName: "\(reference)")
    case .discovered(let name): origin = ImageOrigin(name: name.name, version: name.labels.version)
    case .layout, .archive, .export, .engine: break
    }
    if let name {
      let given = try ConfigurationError.translating { () throws(AppContainerError) in
        try ACImageName(parsing: name)
      }
      guard given.labels.labels.allSatisfy({ $0.name == ACLabels.version }) else {
        throw ConfigurationError("--name is \(name): expected NAME[:VERSION], without other labels")
      }
      var named = origin ?? ImageOrigin(name: given.name)
      named.name = given.name
      if let version = given.labels.version { named.version = version }
      return named
    }
    if let origin { return origin }
    throw ConfigurationError(
      "an App Container image has a name, and \(source) says none: give one with --name")
  }
}

extension ConfigurationError {
  /// For what the user wrote.
  static func translating<Value>(
    _ body: () throws(AppContainerError) -> Value
  ) throws(ConfigurationError) -> Value {
    do {
      return try body()
    } catch {
      throw ConfigurationError("\(error)")
    }
  }
}

/// Where keys are that sign App Container images.
enum TrustedKeys {
  /// Of this user alone.
  static var own: String { UserEnvironment.current().configurationHome + "/rkt/trustedkeys" }

  static var store: KeyPrefixStore { KeyPrefixStore(directories: KeyPrefixStore.rktDirectories + [own]) }
}

/// How App Container images are found, and what comes along with those in files.
struct AppContainerFinding {
  /// Made when it is needed: who wants other images need not have settings that are right for these.
  let makeClient: () throws -> AppContainerClient
  /// Of the image, where its name says nothing about that.
  let platform: Platform
  let isVerified: Bool
  let signature: String?
  /// Is told what is done.
  let report: @Sendable (String) -> Void
}

extension DiscoveredACIImport {
  init(_ name: ACImageName, _ finding: AppContainerFinding) throws {
    let (client, report) = (try finding.makeClient(), finding.report)
    let keys = finding.isVerified ? TrustedKeys.store : nil
    self.init(name, platform: finding.platform, keys: keys) { name, limit, write in
      let places = try client.discover(name) { report("\($0)") }
      report("fetching \(places[0].image)")
      return try client.fetch(places[0], atMost: limit, isSigned: keys != nil, to: write)
    }
  }
}
