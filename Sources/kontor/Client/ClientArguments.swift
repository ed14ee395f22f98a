import Archive
import ArgumentParser
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

#if canImport(Glibc)
  import Glibc
#endif

/// What all commands take that ask a registry.
struct ClientArguments: ParsableArguments {
  @Flag(help: "Ask registries over HTTP, without TLS. Those on this machine are found without it.")
  var plainHttp = false

  @Flag(help: "Take any certificate of a registry, and HTTP if it has no TLS.")
  var insecure = false

  @Option(
    help: ArgumentHelp("A certificate authority to trust, in PEM form. May be repeated.", valueName: "file"))
  var caCert: [String] = []

  @Option(
    help: ArgumentHelp(
      "Connect to a place instead of a host, as curl does. The host's name and certificate stay what they are. May be "
        + "repeated.", valueName: "host:port:place:port"))
  var connectTo: [String] = []

  @Option(help: "text or json.") var format = OutputFormat.text

  @Flag(name: .shortAndLong, help: "Write nothing but errors to standard error.")
  var quiet = false

  /// - Throws: `TransferError`
  func client(credentials: Credentials? = nil) throws -> RegistryClient {
    var options = try options()
    options.credentials = credentials
    return try RegistryClient(.current(), options: options)
  }

  /// - Throws: `TransferError`
  func appContainerClient() throws -> AppContainerClient {
    try AppContainerClient(.current(), options: try options())
  }

  private func options() throws(ConfigurationError) -> ClientOptions {
    var options = ClientOptions()
    options.usesPlainHTTP = plainHttp
    options.skipsVerification = insecure
    for path in caCert where access(path, R_OK) != 0 {
      throw ConfigurationError("--ca-cert is \"\(path)\": that file cannot be read")
    }
    options.authorities = caCert
    do {
      options.detours = try connectTo.map { text throws(InvalidValue) in try ConnectionDetour(parsing: text) }
    } catch {
      throw ConfigurationError("--connect-to is \(error)")
    }
    options.isCancelled = { Interruption.isRequested }
    return options
  }
}

/// What all commands take that copy images.
struct CopyArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("How many blobs to copy at the same time.", valueName: "n"))
  var jobs = 4

  @Flag(help: "Copy what refers to the image, too: signatures, SBOMs, attestations.")
  var referrers = false

  @Flag(help: "Only say what would be copied.")
  var dryRun = false

  @OptionGroup var unpacking: UnpackLimitArguments

  mutating func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs is \(jobs): expected 1 to 64") }
  }

  func options(_ platform: Platform?) -> ImageCopier.Options {
    var options = ImageCopier.Options()
    options.platform = platform
    options.includesReferrers = referrers
    options.jobs = jobs
    options.isDryRun = dryRun
    return options
  }
}

/// How much may be unpacked.
struct UnpackLimitArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How much an image may have that is unpacked, or an archive that one is read from, uncompressed "
        + "(default: \(ByteSize(UnpackLimits().bytes))).",
      valueName: "size"))
  var maxUnpacked: String?

  @Option(help: ArgumentHelp("How many files such an image or archive may have.", valueName: "n"))
  var maxEntries = UnpackLimits().entries

  mutating func validate() throws {
    guard maxEntries > 0 else {
      throw ValidationError("--max-entries is \(maxEntries): expected a number from 1 on")
    }
  }

  func limits() throws(ConfigurationError) -> UnpackLimits {
    var limits = UnpackLimits()
    if let maxUnpacked {
      limits.bytes = try ConfigurationValue<Int64>.size(1...1 << 50).parse(maxUnpacked, of: "--max-unpacked")
    }
    limits.entries = maxEntries
    return limits
  }
}

/// Which platform of an index is meant.
struct PlatformArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The platform to choose from an image for several, or of a new one, such as linux/arm64.",
      valueName: "os/arch[/variant]"
    ))
  var platform: String?

  @Flag(help: "Take all platforms of the image.")
  var allPlatforms = false

  mutating func validate() throws {
    if allPlatforms, platform != nil {
      throw ValidationError("--platform and --all-platforms exclude each other: give one of them")
    }
  }

  /// - Throws: `ConfigurationError`
  func chosen() throws(ConfigurationError) -> Platform? {
    guard let platform else { return nil }
    do {
      return try Platform(parsing: platform)
    } catch {
      throw ConfigurationError("--platform: \(error)")
    }
  }
}

/// How a bundle for runc is made.
struct BundleArguments: ParsableArguments {
  @Flag(
    help: "Make a bundle (runc:DIR) that its user can run without root; with the user's ids of /etc/subuid.")
  var rootless = false

  @Flag(help: "Make a bundle (runc:DIR) whose process has a terminal.")
  var terminal = false

  var options: RuntimeBundle.Options {
    var options = RuntimeBundle.Options()
    options.terminal = terminal
    if rootless { options.rootless = .withSubordinates() }
    return options
  }
}
