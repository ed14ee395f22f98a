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

  /// Whether each message is by one of the keys and about this manifest. That the image's name is one that the policy
  /// accepts is left to see.
  static func judge(
    _ messages: some Collection<[UInt8]>, of image: PolicyImage, by keyring: OpenPGPKeyring, at time: Date
  ) -> [JudgedSignature] {
    do throws(TrustError) {
      return try keyring.verify(messages: messages, atMost: maximumSize, at: time)
        .map { judge($0, of: image) }
    } catch {
      return messages.map { _ in bad("\(error)") }
    }
  }

  private static func judge(
    _ message: Result<OpenPGPKeyring.Message, TrustError>, of image: PolicyImage
  ) -> JudgedSignature {
    switch message {
    case .failure(let error): return bad("\(error)")
    case .success(.bad(let refusals)):
      return bad(refusals.map(\.description).joined(separator: "; "))
    case .success(.good(let content, let signature)):
      let payload: SimpleSigningPayload
      do { payload = try SimpleSigningPayload(parsing: content, as: .openPGP) } catch {
        return bad("what is signed cannot be read: \(error)")
      }
      guard image.has(payload.manifestDigest) else {
        return bad("it is over another manifest, \(payload.manifestDigest)", payload.manifestDigest)
      }
      let signer = Signer.openPGP(fingerprint: signature.primaryFingerprint, userIDs: signature.userIDs)
      let verdict = SignatureVerdict(
        format: .simpleSigning, digest: payload.manifestDigest,
        outcome: .good(signer, signedAt: signature.signedAt))
      return JudgedSignature(
        verdict: verdict, claim: payload.reference, validUntil: signature.validUntil)
    }
  }

  private static func bad(_ reason: String, _ digest: Digest? = nil) -> JudgedSignature {
    JudgedSignature(
      verdict: SignatureVerdict(format: .simpleSigning, digest: digest, outcome: .bad(reason)))
  }
}
