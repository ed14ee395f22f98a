import ContainerImage
import FoundationEssentials

extension Policy {
  /// Judges an image by the rule for its place. Whatever goes wrong makes a signature bad, and never good.
  ///
  /// Without evidence, a rule that needs no signatures (`PolicyRule.needsSignatures`) is judged in full.
  /// - Parameter time: the present.
  public func evaluate(
    _ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date
  ) -> PolicyDecision {
    let rule = rule(for: image.place)
    return PolicyDecision(rule: rule, finding: rule.all.judge(image, evidence, at: time))
  }
}

extension PolicyRequirement {
  fileprivate func judge(
    _ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date
  ) -> RequirementFinding {
    switch kind {
    case .insecureAcceptAnything: return finding(isMet: true)
    case .reject: return finding(isMet: false, reason: "the policy refuses every image here")
    case .signedBy(let requirement):
      return finding("simple signing", requirement.judge(image, evidence, at: time))
    case .sigstoreSigned(let requirement):
      return finding("cosign", requirement.judge(image, evidence, at: time))
    case .notation(let requirement):
      return finding("notation", requirement.judge(image, evidence, at: time))
    case .allOf(let parts):
      let findings = parts.map { $0.judge(image, evidence, at: time) }
      return finding(
        isMet: findings.allSatisfy(\.isMet), parts: findings,
        validUntil: findings.compactMap(\.validUntil).min())
    case .anyOf(let parts):
      let findings = parts.map { $0.judge(image, evidence, at: time) }
      let met = findings.filter(\.isMet)
      return finding(isMet: !met.isEmpty, parts: findings, validUntil: met.map(\.validUntil).latest)
    }
  }

  /// One good signature is enough.
  private func finding(_ form: String, _ signatures: [JudgedSignature]) -> RequirementFinding {
    let good = signatures.filter(\.verdict.isGood)
    guard good.isEmpty else {
      return finding(isMet: true, signatures: signatures, validUntil: good.map(\.validUntil).latest)
    }
    let reasons = signatures.compactMap { signature in
      if case .bad(let reason) = signature.verdict.outcome { reason } else { nil }
    }
    let reason =
      reasons.isEmpty
      ? "it must be signed, and there is no signature (\(form))"
      : "it must be signed, and none of its signatures (\(form)) is good: " + reasons.joined(separator: "; ")
    return finding(isMet: false, reason: reason, signatures: signatures)
  }

  private func finding(
    isMet: Bool, reason: String? = nil, signatures: [JudgedSignature] = [], parts: [RequirementFinding] = [],
    validUntil: Date? = nil
  ) -> RequirementFinding {
    RequirementFinding(
      requirement: self, isMet: isMet, reason: reason, signatures: signatures, parts: parts,
      validUntil: validUntil)
  }
}

extension [Date?] {
  /// The last one, where nil is the end of time, and of none.
  fileprivate var latest: Date? { contains { $0 == nil } ? nil : compactMap { $0 }.max() }
}

extension SignedByRequirement {
  func judge(
    _ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date
  ) -> [JudgedSignature] {
    let messages = evidence.simpleSigning.prefix(SignatureEvidence.maximumCount)
    return SimpleSigning.judge(messages, of: image, by: keyring, at: time)
      .map { $0.checked(by: identity, for: image) }
  }
}

extension JudgedSignature {
  /// What is good and for an image that the policy accepts; else bad.
  func checked(by identity: SignedIdentity, for image: PolicyImage) -> JudgedSignature {
    guard verdict.isGood else { return self }
    return identity.refusal(of: claim, for: image.place.reference).map { refused($0) } ?? self
  }
}
