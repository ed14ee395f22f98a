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
  @OptionGroup var signer: SignerArguments
  @OptionGroup var arguments: ClientArguments

  mutating func validate() throws {
    guard signer.count(with: policy != nil) <= 1 else {
      throw ValidationError(
        "give only one of --policy, --key, --certificate-identity and --notation-trust-policy")
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
    if let wanted = signer.wanted { return (try wanted.policy(at: Date()), "the options") }
    let path = try PolicyCommand.path(policy)
    return (try PolicyFile.read(path, at: Date()), path)
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
