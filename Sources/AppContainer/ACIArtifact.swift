import ContainerImage

/// How a registry keeps an App Container Image exactly as it was made: as an artifact (image-spec, manifest.md, "Guidelines
/// for Artifact Usage") whose config is the image's manifest, and whose layers are the image's file and, if there is one,
/// its signature. Its subject is the OCI image that was made of it.
public struct ACIArtifact: Sendable, Hashable {
  public static let artifactType = "application/vnd.kontor.aci.v1"
  private static let manifestType = MediaType("application/vnd.kontor.aci.manifest.v1+json")
  private static let imageType = MediaType("application/vnd.kontor.aci.image.v1")
  private static let signatureType = MediaType("application/pgp-signature")
  private static let signatureTitle = "image.aci.asc"
  private static let titleAnnotation = "org.opencontainers.image.title"

  private enum Annotation {
    static let name = "vnd.kontor.aci.name"
    static let imageID = "vnd.kontor.aci.image-id"
    static let labelPrefix = "vnd.kontor.aci.label."
  }

  public let name: ACIdentifier
  public let imageID: ACIImageID
  /// Those of discovery: `version`, `os` and `arch`.
  public let labels: ACLabels
  /// The image's manifest, as it is in the image.
  public let manifest: Descriptor
  /// The image's file, compressed as it was made.
  public let image: Descriptor
  /// A detached signature over that file, armored.
  public private(set) var signature: Descriptor?
  /// The OCI image; nil if none can be made.
  public let subject: Descriptor?

  private static let discoveryLabels = [ACLabels.version, ACLabels.os, ACLabels.architecture]

  /// - Parameters:
  ///   - summary: of the image.
  ///   - image: digest and size of its file; the media type is set here.
  ///   - signature: digest and size, likewise.
  public init(
    _ summary: ACIReader.Summary, image: Descriptor, signature: Descriptor?, subject: Descriptor?
  ) throws(AppContainerError) {
    name = summary.manifest.name
    imageID = summary.imageID
    labels = try ACLabels(summary.manifest.labels.labels.filter { Self.discoveryLabels.contains($0.name) })
    manifest = Descriptor(
      mediaType: Self.manifestType, digest: Digest(hashing: summary.manifestBytes),
      size: Int64(summary.manifestBytes.count))
    self.image = Self.descriptor(image, Self.imageType, title: "image.aci")
    self.signature = signature.map { Self.descriptor($0, Self.signatureType, title: Self.signatureTitle) }
    self.subject = subject.map { Descriptor(mediaType: $0.mediaType, digest: $0.digest, size: $0.size) }
  }

  /// The same image with another signature.
  public func with(signature: Descriptor?) -> ACIArtifact {
    var artifact = self
    artifact.signature = signature.map { Self.descriptor($0, Self.signatureType, title: Self.signatureTitle) }
    return artifact
  }

  private static func descriptor(_ content: Descriptor, _ type: MediaType, title: String) -> Descriptor {
    Descriptor(
      mediaType: type, digest: content.digest, size: content.size, annotations: [titleAnnotation: title])
  }

  /// - Returns: nil if the manifest is of something else.
  /// - Throws: `AppContainerError` if it says to be such an artifact, and is not.
  public init?(_ parsed: Manifest) throws(AppContainerError) {
    guard parsed.artifactType == Self.artifactType else { return nil }
    guard parsed.kind == .image, let config = parsed.config, config.mediaType == Self.manifestType,
      let image = parsed.layers.first(where: { $0.mediaType == Self.imageType })
    else {
      throw .notAnImage(
        reason:
          "the artifact lacks a config of type \(Self.manifestType) or a layer of type \(Self.imageType)")
    }
    manifest = config
    self.image = image
    signature = parsed.layers.first { $0.mediaType == Self.signatureType }
    subject = parsed.subject
    name = try ACIdentifier(parsing: parsed.annotations[Annotation.name] ?? "")
    imageID = try ACIImageID(parsing: parsed.annotations[Annotation.imageID] ?? "")
    labels = try Self.labels(of: parsed.annotations)
  }

  private static func labels(of annotations: [String: String]) throws(AppContainerError) -> ACLabels {
    try ACLabels(
      discoveryLabels.compactMap { name in
        annotations[Annotation.labelPrefix + name.description].map { ACLabels.Label(name: name, value: $0) }
      })
  }

  /// What the annotations of a descriptor of such an artifact, as registries list referrers, say of its image.
  /// - Returns: nil if they say nothing.
  public static func described(
    by annotations: [String: String]
  ) -> (name: ACIdentifier, labels: ACLabels)? {
    guard let name = try? ACIdentifier(parsing: annotations[Annotation.name] ?? ""),
      let labels = try? labels(of: annotations)
    else { return nil }
    return (name, labels)
  }

  /// The artifact's manifest, the same for equal values.
  public var encoded: [UInt8] {
    get throws {
      var annotations = [Annotation.name: name.description, Annotation.imageID: imageID.description]
      for label in labels.labels {
        annotations[Annotation.labelPrefix + label.name.description] = label.value
      }
      return try stableJSON(
        Document(
          artifactType: Self.artifactType, config: manifest, layers: [image] + (signature.map { [$0] } ?? []),
          subject: subject, annotations: annotations))
    }
  }

  private struct Document: Encodable {
    var schemaVersion = 2
    var mediaType = MediaType.ociImageManifest
    var artifactType: String
    var config: Descriptor
    var layers: [Descriptor]
    var subject: Descriptor?
    var annotations: [String: String]
  }
}

extension ACLabels {
  /// Whether an image with these labels is what somebody asks for (appc 0.8.11, discovery.md, "Validation"): each label that
  /// is asked for has that value; others do not matter.
  public func satisfy(_ wanted: ACLabels) -> Bool {
    wanted.labels.allSatisfy { self[$0.name] == $0.value }
  }
}
