import ArgumentParser
import RegistryClient
import Runtimes

/// Who has to have signed an image: what 'kontor verify' and 'kontor trust add' take.
struct SignerArguments: ParsableArguments {
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

  mutating func validate() throws {
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

  /// What the options that exclude each other say.
  /// - Parameter others: whether those are given that a command has beside these.
  func count(with others: Bool...) -> Int {
    ([!key.isEmpty, certificateIdentity != nil, notationTrustPolicy != nil] + others).count { $0 }
  }

  /// - Returns: nil if nobody is named.
  var wanted: WantedSigner? {
    if !key.isEmpty { return .keys(key) }
    if let certificateIdentity, let certificateOidcIssuer, let trustedRoot {
      return .identity(certificateIdentity, issuer: certificateOidcIssuer, trustedRoot: trustedRoot)
    }
    return notationTrustPolicy.map {
      .notation(
        trustPolicy: $0,
        trustStore: notationTrustStore ?? UserEnvironment.current().configurationHome + "/notation/truststore"
      )
    }
  }
}
