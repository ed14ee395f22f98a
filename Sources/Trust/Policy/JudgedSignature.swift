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

  init(verdict: SignatureVerdict, claim: ImageReference? = nil, validUntil: Date? = nil, notes: [String] = [])
  {
    self.verdict = verdict
    self.claim = claim
    self.validUntil = validUntil
    self.notes = notes
  }

  /// One that is bad for one reason more.
  func refused(_ reason: String) -> JudgedSignature {
    JudgedSignature(
      verdict: SignatureVerdict(format: verdict.format, digest: verdict.digest, outcome: .bad(reason)),
      claim: claim, notes: notes)
  }
}
