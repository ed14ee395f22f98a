import ArgumentParser
import ContainerImage
import FoundationEssentials
import ImageTransfer
import RegistryClient
import Runtimes
import Trust

/// `kontor verify`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Say who signed an image, and whether that is enough.",
    discussion: """
      By a policy, or by what the options name: keys of OpenPGP or cosign, an identity of Sigstore's, or a trust policy of \
      notation's. Without any it is the policy by which 'kontor pull' goes. Exit code 5 says that the image is not trusted. An \
      index is trusted if it is signed, or all that it lists is.

      Example: kontor verify --key cosign.pub registry.example/hello:v1
      Example: kontor verify --policy policy.json --format json registry.example/hello:v1
      """)

  @Argument(help: "The image: [REGISTRY/]NAME[:TAG][@DIGEST], or another place to copy from.")
  var reference: String
  @Option(help: ArgumentHelp("A policy.json.", valueName: "file")) var policy: String?
  @Option(
    help: ArgumentHelp(
      "A public key: cosign.pub, or one of OpenPGP. May be repeated; one of them is enough.",
      valueName: "file"))
  var key: [String] = []
  @Option(
    help: ArgumentHelp("Whom a certificate of Sigstore's has to name.", valueName: "address|uri"))
  var certificateIdentity: String?
  @Option(help: ArgumentHelp("Who vouches for that identity.", valueName: "uri"))
  var certificateOidcIssuer: String?
  @Option(help: ArgumentHelp("Sigstore's trusted_root.json.", valueName: "file")) var trustedRoot: String?
  @Option(help: ArgumentHelp("A trustpolicy.json of notation's.", valueName: "file"))
  var notationTrustPolicy: String?
  @Option(
    help: ArgumentHelp(
      "The directory of its trust stores (default: ~/.config/notation/truststore).", valueName: "dir"))
  var notationTrustStore: String?
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    let ways = [policy != nil, !key.isEmpty, certificateIdentity != nil, notationTrustPolicy != nil]
    guard ways.filter({ $0 }).count <= 1 else {
      throw ValidationError(
        "give only one of --policy, --key, --certificate-identity and --notation-trust-policy")
    }
    guard (certificateIdentity == nil) == (certificateOidcIssuer == nil),
      (certificateIdentity == nil) == (trustedRoot == nil)
    else {
      throw ValidationError(
        "--certificate-identity, --certificate-oidc-issuer and --trusted-root belong together: give all of them"
      )
    }
    guard notationTrustStore == nil || notationTrustPolicy != nil else {
      throw ValidationError("--notation-trust-store is for --notation-trust-policy: give both")
    }
  }

  func run() throws {
    Interruption.watch()
    let (policy, name) = try chosenPolicy()
    let report = try TrustReport(reference, policy, name, arguments)
    switch arguments.format {
    case .text: report.printSignatures()
    case .json: print(report.json.line)
    }
    if let refusal = report.trust.refusal(report.findings) { throw TransferError.notTrusted(refusal) }
  }

  private func chosenPolicy() throws -> (Policy, String) {
    let wanted: WantedSigner
    if !key.isEmpty {
      wanted = .keys(key)
    } else if let certificateIdentity, let certificateOidcIssuer, let trustedRoot {
      wanted = .identity(certificateIdentity, issuer: certificateOidcIssuer, trustedRoot: trustedRoot)
    } else if let notationTrustPolicy {
      let store =
        notationTrustStore ?? UserEnvironment.current().configurationHome + "/notation/truststore"
      wanted = .notation(trustPolicy: notationTrustPolicy, trustStore: store)
    } else {
      let path = try PolicyCommand.path(policy)
      return (try PolicyFile.read(path, at: Date()), path)
    }
    return (try wanted.policy(at: Date()), "the options")
  }
}

extension TrustReport {
  /// Looks at an image and its signatures.
  init(_ text: String, _ policy: Policy, _ name: String, _ arguments: ClientArguments) throws {
    let client = try arguments.client()
    location = try ImageLocation(parsing: text)
    guard !location.isAppContainer else {
      throw ConfigurationError(
        "\(text) is an App Container image, which is verified by rkt's keys: see 'kontor aci trust'")
    }
    let (source, tags) = try location.pinned(try location.source(client), by: policy)
    self.tags = tags
    trust = try location.trust(policy, from: name, source, client)
    findings = try trust.findings(on: source)
  }
}
