import ContainerImage

/// One signature in the tag scheme: a layer of the image that has the tag `sha256-<hex>.sig`, with what its descriptor says
/// (cosign, specs/SIGNATURE_SPEC.md); or an attestation, a layer of the one with the tag `sha256-<hex>.att`
/// (specs/ATTESTATION_SPEC.md).
public struct CosignSignature: Sendable, Hashable {
  /// Of the layers that are signatures.
  public static let mediaType = MediaType("application/vnd.dev.cosign.simplesigning.v1+json")

  /// Of the layers that are attestations: DSSE envelopes.
  public static let attestationMediaType = MediaType("application/vnd.dsse.envelope.v1+json")

  /// The names of annotations (cosign, pkg/oci/internal/signature/layer.go).
  enum Annotation {
    static let signature = "dev.cosignproject.cosign/signature"
    static let certificate = "dev.sigstore.cosign/certificate"
    static let chain = "dev.sigstore.cosign/chain"
    static let bundle = "dev.sigstore.cosign/bundle"
    static let timestamp = "dev.sigstore.cosign/rfc3161timestamp"
  }

  /// The layer's content: what was signed, or the envelope that it is in.
  public let payload: [UInt8]
  /// The layer's, of the signatures' manifest.
  public let annotations: [String: String]

  public init(payload: [UInt8], annotations: [String: String]) {
    self.payload = payload
    self.annotations = annotations
  }

  /// The tag under which an image's signatures are found, in its own repository.
  public static func tag(for digest: Digest) -> String {
    "\(digest.algorithm.rawValue)-\(digest.encoded).sig"
  }

  /// The tag under which attestations about an image are found.
  public static func attestationTag(for digest: Digest) -> String {
    "\(digest.algorithm.rawValue)-\(digest.encoded).att"
  }
}
