import ContainerImage
import FoundationEssentials
import X509

/// Verifies signatures of the Notary Project by a trust policy, its trust stores and lists of revoked certificates (trust
/// policy specification, section "Signature Verification"). It fetches nothing; OCSP is not supported.
public struct NotationVerifier: Sendable {
  /// Artifacts that refer to an image and have this type are its signatures.
  public static let artifactType = "application/vnd.cncf.notary.signature"
  /// Bytes of an envelope.
  public static let maximumEnvelopeSize = NotationEnvelope.maximumSize

  public let policy: NotationTrustPolicy
  private let stores: NotationTrustStores
  private let revocation: RevocationLists

  /// - Throws: `TrustError.unusable`: the policy names a trust store that has no certificate.
  public init(
    policy: NotationTrustPolicy, stores: NotationTrustStores,
    revocationLists: [CertificateRevocationList] = []
  ) throws(TrustError) {
    for statement in policy.statements {
      if let missing = statement.trustStores.first(where: { !stores.contains($0) }) {
        throw .unusable(
          what: "the notation trust policy's statement \(statement.name.quotedForMessage)",
          reason: "its trust store \(missing) has no certificates")
      }
    }
    self.policy = policy
    self.stores = stores
    revocation = RevocationLists(lists: revocationLists)
  }

  /// - Parameters:
  ///   - envelope: the signature's bytes.
  ///   - mediaType: of the layer that they are from.
  ///   - manifest: which is to be signed; what it says about itself beyond type, digest and size is not used.
  ///   - repository: with its registry, as in a reference.
  ///   - now: the present.
  /// - Returns: a bad verdict, too, where no statement applies, or one with the level `skip`: whoever asks has to see to
  ///   such repositories before, by `policy.statement(for:)`.
  public func verify(
    _ envelope: [UInt8], mediaType: MediaType, over manifest: Descriptor, in repository: String, at now: Date
  ) -> NotationVerdict {
    guard let statement = policy.statement(for: repository) else {
      return NotationVerdict(
        verdict: SignatureVerdict(
          format: .notation, digest: nil,
          outcome: .bad("no statement of the trust policy is for \(repository.quotedForMessage)")),
        statement: nil, results: [])
    }
    guard statement.level.base != .skip else {
      let reason = "the trust policy's statement \(statement.name.quotedForMessage) skips verification"
      return NotationVerdict(
        verdict: SignatureVerdict(format: .notation, digest: nil, outcome: .bad(reason)),
        statement: statement.name, results: [])
    }
    return NotationEvaluation(statement: statement, stores: stores, revocation: revocation, now: now)
      .verdict(envelope, mediaType: mediaType, over: manifest)
  }
}
