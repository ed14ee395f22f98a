import ContainerImage
import FoundationEssentials

/// A signature as its verifier left it to the policy: good or bad by itself, and what else the policy has to look at.
public struct JudgedSignature: Sendable, Hashable {
  public let verdict: SignatureVerdict
  /// The image that the signer says it is; nil if the signature is bad, or of a form that has the digest alone.
  public let claim: ImageReference?
  /// From when on it is not good any more; nil if that does not come, or if it is bad.
  public let validUntil: Date?
  /// What is not as it should be and does not make the signature bad.
  public let notes: [String]
  /// Whether it is good by itself, and bad for the policy only because it is a statement of another kind than is asked for, which
  /// does no harm beside those that are.
  public let isOfAnotherKind: Bool

  init(
    verdict: SignatureVerdict, claim: ImageReference? = nil, validUntil: Date? = nil, notes: [String] = [],
    isOfAnotherKind: Bool = false
  ) {
    self.verdict = verdict
    self.claim = claim
    self.validUntil = validUntil
    self.notes = notes
    self.isOfAnotherKind = isOfAnotherKind
  }

  /// One that is bad for one reason more.
  func refused(_ reason: String, isOfAnotherKind: Bool = false) -> JudgedSignature {
    JudgedSignature(
      verdict: SignatureVerdict(format: verdict.format, digest: verdict.digest, outcome: .bad(reason)),
      claim: claim, notes: notes, isOfAnotherKind: isOfAnotherKind)
  }
}
