import ContainerImage
import FoundationEssentials

/// A signature as cosign makes it, beside the image or as a bundle that refers to it.
public struct SigstoreRequirement: Sendable {
  public let identity: SignedIdentity
}

extension SigstoreRequirement {
  func judge(_ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date) -> [JudgedSignature] { [] }
}

extension PolicyReader {
  mutating func sigstoreSigned(_ node: JSONNode) throws(InvalidValue) -> SigstoreRequirement {
    throw node.failure("not here yet")
  }
}
