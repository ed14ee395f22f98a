import ContainerImage
import FoundationEssentials

/// A signature as notation makes it, good by a trust policy of the Notary Project's.
public struct NotationRequirement: Sendable {
  let verifier: NotationVerifier

  func judge(
    _ image: PolicyImage, _ evidence: SignatureEvidence, at time: Date
  ) -> [JudgedSignature] {
    evidence.notation.prefix(SignatureEvidence.maximumCount).map { judge(image, $0, at: time) }
  }

  private func judge(
    _ image: PolicyImage, _ signature: SignatureEvidence.Notation, at time: Date
  ) -> JudgedSignature {
    guard let reference = image.place.reference else {
      let reason = "nothing says which repository this image is of, by which notation's trust policy goes"
      return JudgedSignature(
        verdict: SignatureVerdict(format: .notation, digest: nil, outcome: .bad(reason)))
    }
    let manifest = Descriptor(
      mediaType: image.mediaType, digest: image.digest, size: Int64(image.manifest.count))
    let found = verifier.verify(
      signature.envelope, mediaType: signature.mediaType, over: manifest, in: reference.name, at: time)
    let judged = JudgedSignature(
      verdict: found.verdict, validUntil: found.validUntil, notes: found.notes)
    guard found.verdict.isGood else { return judged }
    // At the level "audit", anybody's signature is good: that is for looking on, and none that an image is trusted for.
    let authenticity = found.results.first { $0.check == .authenticity }
    guard let authenticity, authenticity.action != .skip, authenticity.failure == nil else {
      return judged.refused(authenticity?.failure ?? "nobody looked at who signed it")
    }
    return judged
  }
}

extension PolicyReader {
  mutating func notation(_ node: JSONNode) throws(InvalidValue) -> NotationRequirement {
    let members = try node.members(
      "type", "trustPolicyPath", "trustPolicy", "trustStorePath", "crlPath", "crlPaths")
    do {
      let policy = try notationPolicy(members)
      var stores = NotationTrustStores()
      let root = try members.needed("trustStorePath")
      for store in Set(policy.statements.flatMap(\.trustStores)).sorted(by: { "\($0)" < "\($1)" }) {
        try addStore(store, to: &stores, from: root)
      }
      var lists: [CertificateRevocationList] = []
      for list in try material("crl", of: members) {
        lists.append(try CertificateRevocationList(parsing: list.bytes, from: list.path ?? list.node.place))
      }
      return NotationRequirement(
        verifier: try NotationVerifier(policy: policy, stores: stores, revocationLists: lists))
    } catch let error as InvalidValue {
      throw error
    } catch {
      throw node.failure("\(error)")
    }
  }

  private mutating func notationPolicy(_ members: JSONNode.Members) throws -> NotationTrustPolicy {
    switch (members["trustPolicyPath"], members["trustPolicy"]) {
    case (let path?, nil):
      let name = try path.string()
      return try NotationTrustPolicy(parsing: contents(of: name, for: path), from: name)
    case (nil, let document?):
      return try NotationTrustPolicy(parsing: Array(document.value.line.utf8), from: document.place)
    default: throw members.object.failure("expected one of trustPolicyPath, trustPolicy")
    }
  }

  /// Reads `<trustStorePath>/x509/<kind>/<name>/*`, as notation keeps them.
  private mutating func addStore(
    _ store: NotationTrustStore, to stores: inout NotationTrustStores, from root: JSONNode
  ) throws {
    let directory = "\(try root.string())/x509/\(store.kind.rawValue)/\(store.name)"
    let names: [String]
    do { names = try files.list(directory).sorted() } catch {
      throw root.failure("cannot read \(directory): \(error)")
    }
    for name in names {
      let path = "\(directory)/\(name)"
      try stores.add(contents(of: path, for: root), to: store, from: path)
    }
  }
}
