import ContainerImage
import FoundationEssentials

/// A signature as notation makes it.
public struct NotationRequirement: Sendable {
}

extension NotationRequirement {
  func judge(_ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date) -> [JudgedSignature] { [] }
}

extension PolicyReader {
  mutating func notation(_ node: JSONNode) throws(InvalidValue) -> NotationRequirement {
    throw node.failure("not here yet")
  }
}
