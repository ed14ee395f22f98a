import FoundationEssentials

/// Whether a policy allows an image, and why.
public struct PolicyDecision: Sendable {
  /// The rule that was applied.
  public let rule: PolicyRule
  /// What follows from all its requirements.
  public let finding: RequirementFinding

  public var isAllowed: Bool { finding.isMet }

  /// If the image is allowed: until when, because a key, a certificate or a signature expires then; nil if none does.
  /// A refusal has no such time: it holds until the signatures or the policy change, or a key or certificate that is
  /// not valid yet becomes so.
  public var validUntil: Date? { isAllowed ? finding.validUntil : nil }

  /// Why the image is refused, each reason with the place in the policy; empty if it is allowed.
  public var reasons: [String] { finding.reasons }
}

/// What is to be said of one requirement.
public struct RequirementFinding: Sendable {
  public let requirement: PolicyRequirement
  public let isMet: Bool
  /// Why it is not met, as a sentence; nil if it is, or if its parts say so.
  public let reason: String?
  /// All that were looked at for it, good or bad for it.
  public let signatures: [JudgedSignature]
  /// Of `anyOf` and `allOf`.
  public let parts: [RequirementFinding]
  /// If it is met: until when, as far as is known now; nil if time changes nothing.
  public let validUntil: Date?

  var reasons: [String] {
    guard !isMet else { return [] }
    let own = reason.map { ["\($0) (\(requirement.place): \(requirement.type))"] } ?? []
    return own + parts.flatMap(\.reasons)
  }
}
