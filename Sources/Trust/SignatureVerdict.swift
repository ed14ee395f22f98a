import ContainerImage
import FoundationEssentials

/// What is to be thought of one signature over an image.
public struct SignatureVerdict: Sendable, Hashable {
  /// Whose rules the signature follows.
  public enum Format: String, Sendable, Hashable {
    /// A JSON document in an OpenPGP message, as Podman and skopeo make it.
    case simpleSigning = "simple signing"
    /// The same document, signed by cosign, in an image whose tag is made of the signed digest.
    case cosign
    /// A statement about the image in an envelope, in an image whose tag is made of its digest, as cosign made it before bundles.
    case cosignAttestation = "cosign attestation"
    /// One document that holds signature, certificate and proofs, in an artifact that refers to the image.
    case sigstoreBundle = "sigstore bundle"
    case notation
  }

  public enum Outcome: Sendable, Hashable {
    /// - Parameter signedAt: nil if nothing says when. A time that the signer alone vouches for is one, too: what is
    ///   proven is what the verifier compared with the validity of keys and certificates.
    case good(Signer, signedAt: Date?)
    /// Why it does not count, as a sentence's rest after "the signature is not good: ".
    case bad(String)
  }

  public let format: Format
  /// The manifest's digest that the signature is over, if it could be read; a bad signature only claims it.
  public let digest: Digest?
  public let outcome: Outcome

  public init(format: Format, digest: Digest?, outcome: Outcome) {
    self.format = format
    self.digest = digest
    self.outcome = outcome
  }

  public var isGood: Bool {
    if case .good = outcome { return true }
    return false
  }
}
