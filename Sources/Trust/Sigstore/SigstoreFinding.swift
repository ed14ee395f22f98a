import ContainerImage

/// What a signature of cosign's or a Sigstore bundle is worth, and what it says beside the digest. A policy has to look at
/// both: everybody's signature over anything is worth something.
public struct SigstoreFinding: Sendable, Hashable {
  public let verdict: SignatureVerdict
  /// The image that the signer says it is; nil if the signature is bad, or of a form that has the digest alone.
  public let claim: ImageReference?
  /// What kind of statement a good signature is over; nil if it is over the manifest itself. Only `signaturePredicate`
  /// vouches for the image as such; with others, somebody says something about it.
  public let predicateType: String?

  /// Cosign's for a plain signature (cosign, pkg/types/predicate.go).
  public static let signaturePredicate = "https://sigstore.dev/cosign/sign/v1"

  init(verdict: SignatureVerdict, claim: ImageReference? = nil, predicateType: String? = nil) {
    self.verdict = verdict
    self.claim = claim
    self.predicateType = predicateType
  }

  /// Whether it is good, and vouches for the image as such.
  public var isGoodSignature: Bool {
    verdict.isGood && (predicateType == nil || predicateType == Self.signaturePredicate)
  }
}
