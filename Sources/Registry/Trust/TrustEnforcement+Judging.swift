import ContainerImage
import FoundationEssentials
import Logging
import Storage
import Trust

extension TrustEnforcement {
  /// A refusal holds for so many seconds: a certificate, or a key, may become valid.
  private static let refusalLifetime: Int64 = 60

  /// Judges an image and stores the verdict. Whatever goes wrong with a signature is a refusal; what goes wrong with the disk is
  /// thrown, and nothing is given.
  /// - Throws: `StorageError`
  func judge(_ manifest: Digest, as tag: Tag?, in repository: RepositoryName) async throws -> StoredVerdict {
    try await judge(manifest, as: tag, in: repository) { try $0.verdict(on: manifest, as: tag) }
  }

  /// The same, by another rule for the manifest.
  func judge(
    _ manifest: Digest, as tag: Tag?, in repository: RepositoryName,
    by body: @escaping @Sendable (Judge) throws -> StoredVerdict
  ) async throws -> StoredVerdict {
    let configuration = configuration
    let key = StoredVerdict.Key(
      repository: repository, manifest: manifest, tag: tag,
      revision: configuration.policy.revision.description)
    return try await judging.withLock(key) { [self] in
      let basis = try await store.blocking { [store] in
        (known: try store.metadata.verdict(key), number: try store.metadata.trustBasis(of: repository))
      }
      if let known = basis.known { return known }
      let judge = Judge(configuration: configuration, store: store, repository: repository, time: Date())
      let verdict = try await onThreadOfItsOwn { try body(judge) }
      if let number = basis.number {
        try await store.metadata.putVerdict(verdict, as: key, basis: number)
      }
      logger.debug(
        "judged an image",
        metadata: [
          "repository": "\(repository)", "manifest": "\(manifest)", "tag": "\(tag?.description ?? "")",
          "refusal": "\(verdict.refusal ?? "")",
        ])
      return verdict
    }
  }

  /// Works on a thread of its own.
  struct Judge: Sendable {
    let configuration: Configuration
    let store: ContentStore
    let repository: RepositoryName
    let time: Date

    func verdict(on manifest: Digest, as tag: Tag?) throws -> StoredVerdict {
      guard let record = try store.metadata.manifest(.digest(manifest), in: repository) else {
        return StoredVerdict(refusal: "it is not there", validUntil: 0)
      }
      let parsed = try? record.parsed()
      // Whoever wants to verify or to sign has to read signatures; and there is nothing in them that runs.
      if let parsed, SignatureDiscovery.isSignature(parsed) {
        return StoredVerdict(refusal: nil, validUntil: nil)
      }
      let decision = try decision(on: record, as: tag)
      if decision.isAllowed { return StoredVerdict(decision) }
      // Who signs an index signs what it lists.
      for index in try store.metadata.indexes(listing: manifest, in: repository)
      where index.digest != manifest {
        guard let list = try? index.parsed(), list.manifests.contains(where: { $0.digest == manifest })
        else { continue }
        let decision = try self.decision(on: index, as: nil)
        if decision.isAllowed { return StoredVerdict(decision) }
      }
      let reasons = decision.reasons.joined(separator: "; ")
      return StoredVerdict(
        refusal: reasons, validUntil: Int64(time.timeIntervalSince1970) + TrustEnforcement.refusalLifetime)
    }

    func decision(on record: ManifestRecord, as tag: Tag?) throws -> PolicyDecision {
      let image = try image(record, as: tag)
      let formats = configuration.policy.rule(for: image.place).formats
      let source = StoredSignatures(store: store, repository: repository)
      let evidence = try SignatureDiscovery.evidence(for: record.digest, formats, in: source)
      return configuration.policy.evaluate(image, evidence, at: time)
    }

    func image(_ record: ManifestRecord, as tag: Tag?) throws(InvalidValue) -> PolicyImage {
      try PolicyImage(
        .registry(
          ImageReference(
            registry: configuration.registry, repository: repository, tag: tag,
            digest: tag == nil ? record.digest : nil)),
        manifest: Array(record.content.readableBytesView), mediaType: record.mediaType)
    }
  }
}

extension StoredVerdict {
  fileprivate init(_ decision: PolicyDecision) {
    self.init(
      refusal: nil, validUntil: decision.validUntil.map { Int64($0.timeIntervalSince1970.rounded(.down)) })
  }
}
