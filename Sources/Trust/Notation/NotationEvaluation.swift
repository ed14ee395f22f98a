import ContainerImage
import FoundationEssentials
import X509

/// One signature's way through the checks of one statement.
struct NotationEvaluation {
  let statement: NotationTrustPolicy.Statement
  let stores: NotationTrustStores
  let revocation: RevocationLists
  let now: Date

  func verdict(_ bytes: [UInt8], mediaType: MediaType, over manifest: Descriptor) -> NotationVerdict {
    var checks = Checks(level: statement.level)
    var digest: Digest?
    let intact = checks.make(.integrity) { () throws(Refusal) -> (NotationEnvelope, CertificateChain) in
      let envelope = try NotationEnvelope(parsing: bytes, mediaType: mediaType)
      let payload = try NotationPayload(parsing: envelope.payload)
      digest = payload.digest
      let chain = try envelope.verifiedChain()
      try payload.check(against: manifest)
      return (envelope, chain)
    }
    guard let (envelope, chain) = intact else { return verdict(checks, digest, nil, signedAt: nil) }
    _ = checks.make(.authenticity) { () throws(Refusal) in try checkAuthenticity(envelope, chain) }
    _ = checks.make(.expiry) { () throws(Refusal) in
      guard let expiry = envelope.headers.expiry, now >= expiry else { return }
      throw Refusal("it expired at \(expiry.isoText)")
    }
    // Nil, too, if the check failed.
    let bounds =
      checks.make(.authenticTimestamp) { () throws(Refusal) -> Bounds? in
        try provenTime(envelope, chain)
      } ?? nil
    // What nobody else proved is no reason to think that a key signed before its revocation: whoever has it can date back.
    _ = checks.make(.revocation) { () throws(Refusal) in
      try revocation.check(chain, at: now, signedAt: bounds?.stampedUntil)
    }
    let signer = Signer.certificate(
      subject: chain.leaf.subject.description, fingerprint: chain.leaf.fingerprint)
    var verdict = verdict(checks, digest, signer, signedAt: bounds?.time ?? envelope.headers.signingTime)
    if verdict.verdict.isGood {
      let certificates = bounds == nil ? chain.certificates.map(\.notValidAfter) : []
      let ends =
        [envelope.headers.expiry].compactMap { $0 } + certificates + revocation.lists.map(\.nextUpdate)
      verdict.validUntil = ends.filter { $0 > now }.min()
    }
    return verdict
  }

  /// The checks that were made.
  private struct Checks {
    let level: NotationVerificationLevel
    var results: [NotationVerdict.Result] = []

    /// - Returns: nil if the check failed or is not asked for.
    mutating func make<Value>(_ check: NotationCheck, _ body: () throws(Refusal) -> Value) -> Value? {
      let action = level.action(for: check)
      var value: Value?
      var failure: String?
      if action != .skip {
        do throws(Refusal) { value = try body() } catch { failure = error.description }
      }
      results.append(NotationVerdict.Result(check: check, action: action, failure: failure))
      return value
    }
  }

  /// - Parameter signer: nil only if integrity failed.
  private func verdict(
    _ checks: Checks, _ digest: Digest?, _ signer: Signer?, signedAt: Date?
  ) -> NotationVerdict {
    let failure = checks.results.first { $0.action == .enforce && $0.failure != nil }?.failure
    let outcome: SignatureVerdict.Outcome =
      switch (failure, signer) {
      case (nil, let signer?): .good(signer, signedAt: signedAt)
      case (let failure, _): .bad(failure ?? "it is not intact")
      }
    return NotationVerdict(
      verdict: SignatureVerdict(format: .notation, digest: digest, outcome: outcome),
      statement: statement.name, results: checks.results)
  }

  private func checkAuthenticity(
    _ envelope: NotationEnvelope, _ chain: CertificateChain
  ) throws(Refusal) {
    let kind: NotationTrustStore.Kind = envelope.headers.scheme == .x509 ? .ca : .signingAuthority
    let trusted = stores.certificates(of: statement.trustStores, kind: kind)
    guard chain.certificates.contains(where: trusted.contains) else {
      throw Refusal(
        "no certificate of \(chain.leaf.subjectForMessage) and its issuers is in a trust store of the kind "
          + "\(kind.rawValue) that the statement names")
    }
    guard case .some(let identities) = statement.identities else { return }
    guard identities.contains(where: { $0.matches(chain.leaf.subject) }) else {
      throw Refusal("the signer \(chain.leaf.subjectForMessage) is none of the trusted identities")
    }
  }

  private struct Bounds {
    let time: Date
    /// The end of a time stamp's range; nil if the authority that vouches for the time is the signer.
    let stampedUntil: Date?
  }

  /// Says that the certificates were valid when the signature was made.
  /// - Returns: when that was, if somebody else than the signer says so; nil if the certificates are simply valid now.
  /// - Throws: `Refusal`
  private func provenTime(
    _ envelope: NotationEnvelope, _ chain: CertificateChain
  ) throws(Refusal) -> Bounds? {
    let signingTime = envelope.headers.signingTime
    if envelope.headers.scheme == .signingAuthority {
      try chain.checkValidity(from: signingTime, to: signingTime)
      return Bounds(time: signingTime, stampedUntil: nil)
    }
    let hasExpired = chain.certificates.contains { $0.notValidAfter < now }
    guard statement.trustStores.contains(where: { $0.kind == .tsa }),
      statement.timestampUse == .always || hasExpired
    else {
      try chain.checkValidity(from: now, to: now)
      return nil
    }
    guard let bytes = envelope.timestamp else { throw Refusal("it has no time stamp") }
    let proven = try TimestampToken(parsing: bytes).verify(
      over: envelope.signature, roots: stores.certificates(of: statement.trustStores, kind: .tsa))
    do throws(Refusal) {
      try revocation.check(proven.chain, at: now)
      try chain.checkValidity(from: proven.earliest, to: proven.latest)
    } catch {
      throw Refusal("its time stamp does not help: \(error)")
    }
    return Bounds(time: proven.time, stampedUntil: proven.latest)
  }
}
