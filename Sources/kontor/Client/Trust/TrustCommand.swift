import ArgumentParser
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

/// `kontor trust`
struct TrustCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "Say whose images are trusted: the rules of the policy.json that pulls go by.",
    subcommands: [TrustListCommand.self, TrustAddCommand.self, TrustRemoveCommand.self])
}

/// `kontor trust list`
struct TrustListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Say which rules are in force, and whose keys they name.",
    discussion: """
      Without --policy it is the policy by which 'kontor pull' goes, and Podman and skopeo, too.

      Example: kontor trust list --format json
      """)

  @Option(help: ArgumentHelp("A policy.json.", valueName: "file")) var policy: String?
  @Option(help: "text or json.") var format = OutputFormat.text

  func run() throws {
    let listing = PolicyListing(
      policy: try PolicyFile.read(try PolicyCommand.path(policy), at: Date()))
    switch format {
    case .text: for line in listing.lines { print(line) }
    case .json: print(listing.json.line)
    }
  }
}

/// Which policy is changed.
struct PolicyEditArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The policy.json to change (default: ~/.config/containers/policy.json).", valueName: "file"))
  var policy: String?

  /// Changes it, and says what its user may not expect.
  func edit(
    _ change: (inout PolicyEditor) throws(TransferError) -> Void
  ) throws -> Policy {
    let edit: PolicyFile.Edit
    do {
      edit = try PolicyFile.edit(policy, home: UserEnvironment.current().home, at: Date(), change)
    } catch {
      if case .exists(let reason) = error { throw ConfigurationError(reason) }
      throw error
    }
    if edit.isNew {
      printError(
        "\(edit.path) is new: it began "
          + (edit.beginning.map { "as a copy of \($0)" } ?? "with accepting any image"))
    }
    if let addition = edit.addition {
      printError("Podman and skopeo cannot read \(edit.path): they do not know \"\(addition)\"")
    }
    return edit.policy
  }
}

/// `kontor trust add`
struct TrustAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Say who has to have signed the images of a registry, a repository or a tag.",
    discussion: """
      The narrowest rule counts for an image, alone. A policy.json that is not there begins as a copy of that of the machine, \
      in /etc/containers. Signatures have to name the repository: those of bundles, as of cosign 3, name none, and are taken \
      where the file says "signedIdentity": {"type": "matchDigest"}.

      Example: kontor trust add registry.example/team --key team.asc
      Example: kontor trust add docker.io/library/busybox --key cosign.pub --also
      Example: kontor trust add --default --reject --replace
      """)

  @Argument(
    help: ArgumentHelp(
      "Such as registry.example/team, registry.example/team/app:v1 or *.example; \"\" for all of a transport."
    )
  )
  var scope: String?
  @Flag(name: .customLong("default"), help: "Not for a scope, but for all that no rule is for.")
  var isDefault = false
  @Option(
    help: ArgumentHelp(
      "Where such images are, in the words of policy.json, such as oci, whose scopes are paths (default: docker).",
      valueName: "name"))
  var transport: String?
  @OptionGroup var signer: SignerArguments
  @Flag(help: "Take any image.") var acceptAnything = false
  @Flag(help: "Take no image.") var reject = false
  @Flag(help: "In place of the rule that is there.") var replace = false
  @Flag(help: "Beside the rule that is there: either is enough.") var also = false
  @OptionGroup var file: PolicyEditArguments

  mutating func validate() throws {
    guard (scope != nil) != isDefault else {
      throw ValidationError("give a scope, or --default for all else")
    }
    guard !isDefault || transport == nil else {
      throw ValidationError("--default is for all transports: leave out --transport")
    }
    guard signer.count(with: acceptAnything, reject) == 1 else {
      throw ValidationError(
        "give one of --key, --certificate-identity, --notation-trust-policy, --accept-anything and --reject")
    }
    guard !replace || !also else {
      throw ValidationError("--replace and --also exclude each other: give one of them")
    }
    guard !also || signer.wanted != nil else {
      throw ValidationError("--also is for one who signs: give --replace")
    }
  }

  func run() throws {
    let requirement =
      try signer.wanted?.requirement()
      ?? .object([.init(name: "type", value: .string(reject ? "reject" : "insecureAcceptAnything"))])
    var place = PolicyEditor.Place.fallback
    var image: PolicyPlace?
    if let scope {
      let transport = transport ?? "docker"
      place = .scope(scope, transport: transport)
      image = try scope.place(in: transport)
    }
    let policy = try file.edit { editor throws(TransferError) in
      try editor.add(requirement, at: place, replace ? .replaced : also ? .joined : .refused)
    }
    print(PolicyListing.line(place, image.map(policy.rule(for:)) ?? policy.fallback))
  }
}

/// `kontor trust remove`
struct TrustRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take away the rule for a scope, and say which one counts then.",
    discussion: """
      The default cannot be taken away, but replaced: see 'kontor trust add --default'.

      Example: kontor trust remove registry.example/team
      """)

  @Argument(help: ArgumentHelp("The rule's, as 'kontor trust list' has it; \"\" for all of a transport."))
  var scope: String
  @Option(help: ArgumentHelp("Of the rule, such as oci.", valueName: "name")) var transport = "docker"
  @OptionGroup var file: PolicyEditArguments

  func run() throws {
    let policy = try file.edit { editor throws(TransferError) in
      try editor.remove(scope, in: transport)
    }
    let place = PolicyEditor.Place.scope(scope, transport: transport)
    // Other programs may have written a scope that no image can be in.
    guard let image = try? scope.place(in: transport) else { return print("\(place) goes by no rule") }
    let rule = policy.rule(for: image)
    print("\(place) goes by \(rule.place): \(rule.summary)")
  }
}

extension String {
  fileprivate func place(in transport: String) throws(ConfigurationError) -> PolicyPlace {
    do {
      return try PolicyPlace.scope(self, in: transport)
    } catch {
      throw ConfigurationError("\(error)")
    }
  }
}
