import ContainerImage

/// One signature in the tag scheme: a layer of the image that has the tag `sha256-<hex>.sig`, with what its descriptor says
/// (cosign, specs/SIGNATURE_SPEC.md).
public struct CosignSignature: Sendable, Hashable {
  /// Of the layers that are signatures.
  public static let mediaType = MediaType("application/vnd.dev.cosign.simplesigning.v1+json")

  /// The names of annotations (cosign, pkg/oci/internal/signature/layer.go).
  enum Annotation {
    static let signature = "dev.cosignproject.cosign/signature"
    static let certificate = "dev.sigstore.cosign/certificate"
    static let chain = "dev.sigstore.cosign/chain"
    static let bundle = "dev.sigstore.cosign/bundle"
    static let timestamp = "dev.sigstore.cosign/rfc3161timestamp"
  }

  /// The layer's content, which is what was signed.
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
}
