import ContainerImage
import FoundationEssentials

/// Signatures as Podman and skopeo make them (`--sign-by`): a `SimpleSigningPayload` in an OpenPGP message.
public enum SimpleSigning {
  /// Bytes, of the message and of what is in it; they have some hundred.
  public static let maximumSize = 64 << 10

  /// - Parameters:
  ///   - reference: with a tag, or a digest; Podman accepts no signature without.
  ///   - creator: the program and its version.
  /// - Returns: the signed message, binary.
  public static func sign(
    _ manifestDigest: Digest, as reference: ImageReference, creator: String, by signer: OpenPGPSigner,
    at time: Date
  ) throws(TrustError) -> [UInt8] {
    let payload = SimpleSigningPayload(
      .openPGP, manifestDigest: manifestDigest, reference: reference, creator: creator, created: time)
    return try signer.sign(message: payload.bytes, at: time)
  }

  /// Whether the message is by one of the keys and about this manifest. That the image's name is one that the policy
  /// accepts is left to see.
  static func judge(
    _ message: [UInt8], of image: PolicyImage, by keyring: OpenPGPKeyring, at time: Date
  ) -> JudgedSignature {
    func verdict(_ digest: Digest?, _ outcome: SignatureVerdict.Outcome) -> SignatureVerdict {
      SignatureVerdict(format: .simpleSigning, digest: digest, outcome: outcome)
    }
    do {
      switch try keyring.verify(message: message, atMost: maximumSize, at: time) {
      case .bad(let refusals):
        let reasons = refusals.map(\.description).joined(separator: "; ")
        return JudgedSignature(verdict: verdict(nil, .bad(reasons)))
      case .good(let content, let signature):
        let payload = try SimpleSigningPayload(parsing: content, as: .openPGP)
        guard image.has(payload.manifestDigest) else {
          let reason = "it is over another manifest, \(payload.manifestDigest)"
          return JudgedSignature(verdict: verdict(payload.manifestDigest, .bad(reason)))
        }
        let signer = Signer.openPGP(
          fingerprint: signature.primaryFingerprint, userIDs: signature.userIDs)
        return JudgedSignature(
          verdict: verdict(payload.manifestDigest, .good(signer, signedAt: signature.signedAt)),
          claim: payload.reference, validUntil: signature.validUntil)
      }
    } catch {
      return JudgedSignature(verdict: verdict(nil, .bad("\(error)")))
    }
  }
}
