import ContainerImage
import FoundationEssentials
import NIOCore
import Storage
import Trust

extension TrustEnforcement {
  /// Looks at a manifest that is about to be stored.
  /// - Parameter tags: that it is to get.
  /// - Throws: `RegistryError.denied` for an image whose signatures have to be there first, and for signatures of which none
  ///   is good; `StorageError`
  func admit(
    _ manifest: Manifest, _ content: ByteBuffer, _ digest: Digest, tags: [Tag],
    to repository: RepositoryName
  ) async throws {
    let (enforcement, _) = enforcement(for: repository)
    guard enforcement.push != .allow else { return }
    let judge = Judge(configuration: configuration, store: store, repository: repository, time: Date())
    if SignatureDiscovery.isSignature(manifest) {
      guard let subject = SignatureDiscovery.subject(of: manifest, tags: tags) else { return }
      let problem = try await onThreadOfItsOwn { [store] in
        try judge.problem(ofSignatureOver: subject) { formats, evidence in
          try SignatureDiscovery.add(
            manifest, over: subject, formats, from: StoredSignatures(store: store, repository: repository),
            to: &evidence)
        }
      }
      if let problem { throw RegistryError.denied(problem) }
    } else if enforcement.push == .refuse, !tags.isEmpty {
      // Those without a tag may be an index's, which is signed for them, and comes after them.
      let record = ManifestRecord(digest: digest, mediaType: manifest.mediaType, content: content)
      let reasons = try await onThreadOfItsOwn {
        try tags.compactMap { tag in
          let decision = try judge.decision(on: record, as: tag)
          return decision.isAllowed ? nil : decision.reasons.joined(separator: "; ")
        }
      }
      if let reason = reasons.first {
        throw RegistryError.denied("\(reason). Push its signature first, then the image")
      }
    }
  }

  /// Looks at a signature of simple signing that is about to be stored.
  /// - Throws: `RegistryError.denied` for one that is not good, `StorageError`
  func admit(
    _ signature: MetadataStore.Signature, of manifest: Digest, to repository: RepositoryName
  ) async throws {
    let (enforcement, _) = enforcement(for: repository)
    guard enforcement.push != .allow else { return }
    let judge = Judge(configuration: configuration, store: store, repository: repository, time: Date())
    let problem = try await onThreadOfItsOwn {
      try judge.problem(ofSignatureOver: manifest) { formats, evidence in
        if formats.contains(.simpleSigning) { evidence.simpleSigning = [signature.content] }
      }
    }
    if let problem { throw RegistryError.denied(problem) }
  }
}

extension TrustEnforcement.Judge {
  /// Why signatures that come for an image are worth nothing. They are taken if one of them is good, if the policy does not ask
  /// for such, or if their image is not there yet: then it is judged when it is asked for.
  /// - Parameter add: gathers them.
  /// - Returns: nil if there is nothing to object to.
  fileprivate func problem(
    ofSignatureOver subject: Digest,
    _ add: (Set<SignatureVerdict.Format>, inout SignatureEvidence) throws -> Void
  ) throws -> String? {
    guard let record = try store.metadata.manifest(.digest(subject), in: repository) else { return nil }
    let image = try image(record, as: nil)
    let policy = configuration.policy
    var evidence = SignatureEvidence()
    try add(policy.rule(for: image.place).formats, &evidence)
    let judged = policy.evaluate(image, evidence, at: time).finding.allSignatures
    guard !judged.isEmpty, !judged.contains(where: { $0.verdict.isGood || $0.isOfAnotherKind }) else {
      return nil
    }
    let reasons = judged.compactMap { signature in
      if case .bad(let reason) = signature.verdict.outcome { reason } else { nil }
    }
    return "the signature of \(subject) is not good: " + reasons.joined(separator: "; ")
  }
}

extension RequirementFinding {
  /// Those of all parts.
  fileprivate var allSignatures: [JudgedSignature] { signatures + parts.flatMap(\.allSignatures) }
}
