import ContainerImage
import FoundationEssentials

/// Makes signatures as cosign does with a key, for the caller to store beside the image.
public struct SigstoreSigner: Sendable {
  /// Of a bundle, as an artifact's type and as its layer's.
  public static let bundleMediaType = MediaType("application/vnd.dev.sigstore.bundle.v0.3+json")

  private let key: SigningKey

  public init(key: SigningKey) { self.key = key }

  public var publicKey: PublicKey { key.publicKey }

  /// A layer for the image with the tag `CosignSignature.tag(for:)`.
  /// - Parameter reference: what the image is to be known as. Others compare it with what they asked for.
  /// - Throws: `TrustError.failed`
  public func signature(
    of digest: Digest, as reference: ImageReference
  ) throws(TrustError) -> CosignSignature {
    let payload = SimpleSigningPayload(
      .cosign, manifestDigest: digest, reference: reference, creator: nil, created: nil
    ).bytes
    // Cosign's own choice since it can keep such signatures in Rekor, which takes hashes alone.
    let signature = try key.sign(payload, by: key.scheme(ed25519: .ed25519ph))
    return CosignSignature(
      payload: payload,
      annotations: [CosignSignature.Annotation.signature: Data(signature).base64EncodedString()])
  }

  /// A bundle of version 0.3 with an in-toto statement that vouches for the image, for an artifact that refers to it.
  /// - Throws: `TrustError.failed`
  public func bundle(of digest: Digest) throws(TrustError) -> [UInt8] {
    let envelope = try DSSEEnvelope.document(
      InTotoStatement.signature(of: digest), type: DSSEEnvelope.mediaType, keyID: nil, by: key)
    let hint = Data(key.publicKey.hash).base64EncodedString()
    func object(_ members: (String, OrderedJSON)...) -> OrderedJSON {
      .object(members.map { OrderedJSON.Member(name: $0.0, value: $0.1) })
    }
    let bundle = object(
      ("mediaType", .string(Self.bundleMediaType.description)),
      (
        "verificationMaterial",
        // The empty list could be left out, but sigstore-python insists on it.
        object(("publicKey", object(("hint", .string(hint)))), ("tlogEntries", .array([])))
      ),
      ("dsseEnvelope", envelope))
    return Array(bundle.line.utf8)
  }
}

extension SigningKey {
  /// Cosign's default for the key (sigstore, pkg/signature/algorithm_registry.go).
  func scheme(ed25519: SignatureScheme) -> SignatureScheme {
    switch publicKey.algorithm {
    case .ecdsaP256: .ecdsa(.sha256, .der)
    case .ecdsaP384: .ecdsa(.sha384, .der)
    case .ecdsaP521: .ecdsa(.sha512, .der)
    case .ed25519: ed25519
    case .rsa: .rsaPKCS1(.sha256)
    }
  }
}
