import ContainerImage
import FoundationEssentials

/// The manifest by which a registry keeps a notation signature with its image (Notary Project, signature specification,
/// section "OCI Signatures").
public enum NotationSignatureManifest {
  /// Of OCI's empty config.
  private static let emptyJSON = Array("{}".utf8)

  /// The blob that has a signature over a manifest, if that is what the artifact is.
  /// - Parameters:
  ///   - artifact: that refers to the image.
  ///   - signed: the image's manifest.
  public static func envelope(of artifact: Manifest, over signed: Digest) -> Descriptor? {
    guard artifact.artifactType == NotationVerifier.artifactType, artifact.subject?.digest == signed,
      artifact.layers.count == 1, let layer = artifact.layers.first,
      [NotationEnvelope.jws, NotationEnvelope.cose].contains(layer.mediaType)
    else { return nil }
    return layer
  }

  /// What has to be in the repository before a signature's manifest: its config.
  public static var config: (descriptor: Descriptor, bytes: [UInt8]) {
    let descriptor = Descriptor(
      mediaType: .ociEmptyJSON, digest: Digest(hashing: emptyJSON), size: Int64(emptyJSON.count))
    return (descriptor, emptyJSON)
  }

  /// The manifest's bytes.
  /// - Parameter signed: the image's manifest; only type, digest and size are used.
  static func bytes(for signature: NotationSignature, over signed: Descriptor, at time: Date) -> [UInt8] {
    func descriptor(_ value: Descriptor, _ more: [OrderedJSON.Member] = []) -> OrderedJSON {
      .object(
        [
          OrderedJSON.Member(name: "mediaType", value: .string(value.mediaType.description)),
          OrderedJSON.Member(name: "digest", value: .string(value.digest.description)),
          OrderedJSON.Member(name: "size", value: .literal("\(value.size)")),
        ] + more)
    }
    let thumbprints = OrderedJSON.array(signature.thumbprints.map(OrderedJSON.string)).line
    let data = Data(emptyJSON).base64EncodedString()
    let document = OrderedJSON.object([
      OrderedJSON.Member(name: "schemaVersion", value: .literal("2")),
      OrderedJSON.Member(name: "mediaType", value: .string(MediaType.ociImageManifest.description)),
      OrderedJSON.Member(name: "artifactType", value: .string(NotationVerifier.artifactType)),
      OrderedJSON.Member(
        name: "config",
        value: descriptor(config.descriptor, [OrderedJSON.Member(name: "data", value: .string(data))])),
      OrderedJSON.Member(name: "layers", value: .array([descriptor(signature.descriptor)])),
      OrderedJSON.Member(name: "subject", value: descriptor(signed)),
      OrderedJSON.Member(
        name: "annotations",
        value: .object([
          OrderedJSON.Member(name: "io.cncf.notary.x509chain.thumbprint#S256", value: .string(thumbprints)),
          OrderedJSON.Member(name: "org.opencontainers.image.created", value: .string(time.isoText)),
        ])),
    ])
    return Array(document.line.utf8)
  }
}

/// A signature that was made, with all that is to be stored.
public struct NotationSignature: Sendable, Hashable {
  public let envelope: [UInt8]
  /// Of the envelope.
  public let descriptor: Descriptor
  /// Of the artifact that refers to the image; its type is OCI's of image manifests.
  public internal(set) var manifest: [UInt8] = []
  /// SHA-256 of each certificate, the signing one's first, in lower-case hexadecimal.
  let thumbprints: [String]
}
