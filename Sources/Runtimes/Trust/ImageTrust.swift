import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

/// A policy's judgement on the images of one place.
public struct ImageTrust: ImageJudge {
  /// What was found out about one image.
  public struct Finding: Sendable {
    public let image: ManifestDocument
    public let decision: PolicyDecision
  }

  public let policy: Policy
  /// Where the policy is from, for messages.
  public let policyName: String
  public let place: PolicyPlace
  private let signatures: any SignatureSource & Sendable
  private let time: Date

  /// - Parameter time: the present.
  public init(
    _ policy: Policy, from policyName: String, place: PolicyPlace,
    signatures: any SignatureSource & Sendable, at time: Date
  ) {
    self.policy = policy
    self.policyName = policyName
    self.place = place
    self.signatures = signatures
    self.time = time
  }

  /// - Parameter image: what the place means, or a part of it.
  /// - Throws: `TransferError`
  public func decision(on image: ManifestDocument) throws -> PolicyDecision {
    let place = place.reference?.digest == image.digest ? place : place.part(image.digest)
    let judged: PolicyImage
    do {
      judged = try PolicyImage(place, manifest: image.bytes, mediaType: image.mediaType)
    } catch {
      throw TransferError.failed("\(error)")
    }
    let formats = policy.rule(for: place).formats
    let evidence = try SignatureDiscovery.evidence(for: judged.digest, formats, in: signatures)
    return policy.evaluate(judged, evidence, at: time)
  }

  public func refusal(of image: ManifestDocument) throws -> String? {
    let decision = try decision(on: image)
    return decision.isAllowed ? nil : refusal(of: image.digest, decision.reasons)
  }

  /// Of an index that is not allowed by itself, all that it lists are judged, too.
  public func findings(on source: any ImageSource) throws -> [Finding] {
    let root = try source.root()
    let decision = try decision(on: root)
    var findings = [Finding(image: root, decision: decision)]
    guard !decision.isAllowed else { return findings }
    for entry in try root.manifest().manifests where entry.mediaType.isManifest {
      let part = try source.manifest(entry)
      findings.append(Finding(image: part, decision: try self.decision(on: part)))
    }
    return findings
  }

  /// - Returns: why what was judged is not trusted; nil if it is: by itself, or each image of an index.
  public func refusal(_ findings: [Finding]) -> String? {
    guard let root = findings.first, !root.decision.isAllowed else { return nil }
    let parts = findings.dropFirst()
    guard let bad = parts.first(where: { !$0.decision.isAllowed }) ?? (parts.isEmpty ? root : nil) else {
      return nil
    }
    return refusal(of: bad.image.digest, bad.decision.reasons)
  }

  private func refusal(of digest: Digest, _ reasons: [String]) -> String {
    "\(digest) is not trusted, by \(policyName):" + reasons.map { "\n  \($0)" }.joined()
  }
}
