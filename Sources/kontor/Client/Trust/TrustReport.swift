import ContainerImage
import FoundationEssentials
import Runtimes
import Trust

/// What was found out about an image and its signatures, for people and for programs.
struct TrustReport {
  let location: ImageLocation
  let trust: ImageTrust
  /// The signed list that says what the tag means, if the policy asks for one.
  let tags: VerifiedTagList?
  let findings: [ImageTrust.Finding]

  /// A line for each signature below the image that it is about.
  func printSignatures() {
    for finding in findings {
      print("\(finding.image.digest) \(location)")
      let signatures = finding.decision.finding.allSignatures
      for signature in signatures { print("  \(signature.line)") }
      if signatures.isEmpty {
        print(
          finding.decision.rule.needsSignatures
            ? "  there is no signature" : "  no signature is looked at: \(ruleText(finding.decision))")
      }
    }
  }

  /// Which rule applies, and what follows of each of its requirements.
  func printExplanation() {
    for finding in findings {
      print("\(finding.image.digest) \(location)")
      print("rule: \(finding.decision.rule.place) of \(trust.policyName)")
      for requirement in finding.decision.finding.parts { Self.show(requirement, indentation: "  ") }
      print("so it is \(finding.decision.isAllowed ? "allowed" : "refused")")
      if let end = finding.decision.validUntil { print("until \(end.formatted(.iso8601))") }
    }
    if let tags {
      print(
        "the tag is in the signed list of version \(tags.list.version), by public key sha256:\(tags.mark.keyID), which holds "
          + "until \(tags.list.expires.formatted(.iso8601))")
    }
    if findings.count > 1 {
      print("an index that is refused by itself is allowed if every image that it lists is")
    }
  }

  private static func show(_ finding: RequirementFinding, indentation: String) {
    print(
      "\(indentation)\(finding.requirement.place): \(finding.requirement.type): \(finding.isMet ? "met" : "not met")"
    )
    for signature in finding.signatures { print("\(indentation)  \(signature.line)") }
    if let reason = finding.reason { print("\(indentation)  \(reason)") }
    for part in finding.parts { show(part, indentation: indentation + "  ") }
  }

  private func ruleText(_ decision: PolicyDecision) -> String {
    "\(decision.rule.requirements.map(\.type).joined(separator: ", ")), \(decision.rule.place) of \(trust.policyName)"
  }

  var json: OrderedJSON {
    var json = OrderedJSON.object([])
    json["image"] = .string("\(location)")
    json["policy"] = .string(trust.policyName)
    json["trusted"] = .literal("\(trust.refusal(findings) == nil)")
    if let tags {
      var list = OrderedJSON.object([])
      list["version"] = .literal("\(tags.list.version)")
      list["expires"] = .string(tags.list.expires.formatted(.iso8601))
      list["keyID"] = .string(tags.mark.keyID)
      json["tagList"] = list
    }
    json["manifests"] = .array(findings.map(Self.json))
    return json
  }

  private static func json(_ finding: ImageTrust.Finding) -> OrderedJSON {
    let decision = finding.decision
    var json = OrderedJSON.object([])
    json["digest"] = .string("\(finding.image.digest)")
    json["rule"] = .string(decision.rule.place)
    json["allowed"] = .literal("\(decision.isAllowed)")
    if let end = decision.validUntil { json["validUntil"] = .string(end.formatted(.iso8601)) }
    json["reasons"] = .array(decision.reasons.map { .string($0) })
    json["signatures"] = .array(decision.finding.allSignatures.map(\.json))
    return json
  }
}

extension RequirementFinding {
  /// Each verdict once, though several requirements may have looked at one signature.
  fileprivate var allSignatures: [JudgedSignature] {
    var found: [JudgedSignature] = []
    for signature in signatures + parts.flatMap(\.allSignatures) where !found.contains(signature) {
      found.append(signature)
    }
    return found
  }
}

extension JudgedSignature {
  fileprivate var line: String {
    let form = verdict.format.rawValue
    switch verdict.outcome {
    case .good(let signer, let signedAt):
      let when = signedAt.map { ", \($0.formatted(.iso8601))" } ?? ""
      let what = claim.map { ", as \($0)" } ?? ""
      return "good: \(form), by \(signer)\(when)\(what)" + notes.map { "; \($0)" }.joined()
    case .bad(let reason): return "bad: \(form): \(reason)"
    }
  }

  fileprivate var json: OrderedJSON {
    var json = OrderedJSON.object([])
    json["form"] = .string(verdict.format.rawValue)
    json["good"] = .literal("\(verdict.isGood)")
    if let digest = verdict.digest { json["digest"] = .string("\(digest)") }
    if let claim { json["claim"] = .string("\(claim)") }
    switch verdict.outcome {
    case .good(let signer, let signedAt):
      json["signer"] = .string("\(signer)")
      if let signedAt { json["signedAt"] = .string(signedAt.formatted(.iso8601)) }
    case .bad(let reason): json["reason"] = .string(reason)
    }
    if let validUntil { json["validUntil"] = .string(validUntil.formatted(.iso8601)) }
    if !notes.isEmpty { json["notes"] = .array(notes.map { .string($0) }) }
    return json
  }
}
