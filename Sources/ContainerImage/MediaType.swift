/// The type of content that a descriptor or a `Content-Type` header names, without parameters.
public struct MediaType: Sendable, Hashable, Codable, CustomStringConvertible {
  public let description: String

  public init(_ text: String) {
    description = text
  }

  /// A header value: parameters and surrounding white space are dropped, as the distribution-spec asks
  /// ("The registry SHOULD ignore parameters on the Content-Type header"), letters are folded to lower case.
  public init(header value: String) {
    let type = value.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
    description = type.trimmingASCIISpace().lowercased()
  }

  public init(from decoder: any Decoder) throws {
    description = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  public static let ociImageManifest = MediaType("application/vnd.oci.image.manifest.v1+json")
  public static let ociImageIndex = MediaType("application/vnd.oci.image.index.v1+json")
  public static let ociImageConfig = MediaType("application/vnd.oci.image.config.v1+json")
  public static let ociEmptyJSON = MediaType("application/vnd.oci.empty.v1+json")
  /// Of OCI 1.1's release candidates; still pushed by older clients.
  public static let ociArtifactManifest = MediaType("application/vnd.oci.artifact.manifest.v1+json")
  /// The ORAS project's forerunner of OCI referrers.
  public static let orasArtifactManifest = MediaType("application/vnd.cncf.oras.artifact.manifest.v1+json")
  public static let dockerManifest = MediaType("application/vnd.docker.distribution.manifest.v2+json")
  public static let dockerManifestList = MediaType(
    "application/vnd.docker.distribution.manifest.list.v2+json")
  public static let dockerSchema1 = MediaType("application/vnd.docker.distribution.manifest.v1+json")
  public static let dockerSchema1Signed = MediaType(
    "application/vnd.docker.distribution.manifest.v1+prettyjws")
  public static let dockerForeignLayer = MediaType(
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")

  /// Whether content of this type is a list of manifests.
  public var isIndex: Bool { self == .ociImageIndex || self == .dockerManifestList }

  /// Whether content of this type is a manifest or an index, not a blob.
  public var isManifest: Bool {
    isIndex || self == .ociImageManifest || self == .dockerManifest || self == .ociArtifactManifest
      || self == .orasArtifactManifest
  }

  /// Layers that a registry need not hold: their `urls` say where to fetch them (image-spec, layer.md,
  /// section "Non-Distributable Layers"; Docker's foreign layers).
  public var isNondistributable: Bool {
    self == .dockerForeignLayer
      || description.hasPrefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
  }
}

extension StringProtocol {
  func trimmingASCIISpace() -> SubSequence {
    let isSpace = { (character: Character) in character == " " || character == "\t" }
    let start = drop(while: isSpace)
    guard let last = start.lastIndex(where: { !isSpace($0) }) else { return self[endIndex...] }
    return start[...last]
  }
}
