import Foundation
import Testing

/// The digest algorithms that every registry must know (image-spec, descriptor.md, "Registered Algorithms").
enum HashAlgorithm: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sha256, sha512

  var testDescription: String { rawValue }

  func digest(_ data: Data) -> String {
    switch self {
    case .sha256: EndToEnd.sha256(data)
    case .sha512: EndToEnd.sha512(data)
    }
  }
}

/// The media types of the tests' content that `OCILayout` does not need.
enum MediaType {
  static let manifest = OCILayout.MediaType.manifest
  static let index = OCILayout.MediaType.index
  static let config = OCILayout.MediaType.config
  static let empty = OCILayout.MediaType.empty
  static let layer = "application/vnd.oci.image.layer.v1.tar"
  static let gzipLayer = OCILayout.MediaType.layer
  static let nondistributableLayer = "application/vnd.oci.image.layer.nondistributable.v1.tar"
  static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let dockerConfig = "application/vnd.docker.container.image.v1+json"
  static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
  static let bill = "application/vnd.example.bill-of-lading.v1"
  static let seal = "application/vnd.example.seal.v1"
  static let octets = "application/octet-stream"
  /// The manifests of OCI's release candidates and of ORAS that became artifacts as image manifests.
  static let ociArtifact = "application/vnd.oci.artifact.manifest.v1+json"
  static let orasArtifact = "application/vnd.cncf.oras.artifact.manifest.v1+json"
}

/// Bytes that a test pushes, as a blob or as a manifest, with their digest.
struct Content: Sendable {
  let bytes: Data
  let mediaType: String
  let digest: String

  init(_ bytes: Data, _ mediaType: String = MediaType.octets, algorithm: HashAlgorithm = .sha256) {
    self.bytes = bytes
    self.mediaType = mediaType
    digest = algorithm.digest(bytes)
  }

  /// Bytes that nothing else has, and that no compression shortens.
  static func random(
    _ count: Int, _ mediaType: String = MediaType.octets, algorithm: HashAlgorithm = .sha256
  ) -> Content {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    return Content(generator.data(count), mediaType, algorithm: algorithm)
  }

  /// The content of which an artifact without a config has its config (image-spec, manifest.md, "Guidance for
  /// an Empty Descriptor").
  static func emptyJSON(algorithm: HashAlgorithm = .sha256) -> Content {
    Content(Data("{}".utf8), MediaType.empty, algorithm: algorithm)
  }

  var descriptor: ContentDescriptor {
    ContentDescriptor(mediaType: mediaType, digest: digest, size: bytes.count)
  }
}

/// A descriptor (image-spec, descriptor.md).
struct ContentDescriptor: Codable, Equatable, Sendable {
  struct Platform: Codable, Equatable, Sendable {
    var architecture: String
    var os = "linux"
  }

  var mediaType: String
  var digest: String
  var size: Int
  var urls: [String]?
  /// The content itself.
  var data: Data?
  var artifactType: String?
  var annotations: [String: String]?
  var platform: Platform?
}

/// A manifest of any sort, whose unset properties its JSON does not have.
struct ContentManifest: Encodable, Sendable {
  var schemaVersion = 2
  var mediaType: String?
  var artifactType: String?
  var config: ContentDescriptor?
  var layers: [ContentDescriptor]?
  var manifests: [ContentDescriptor]?
  /// Of an artifact manifest, what `layers` are of an image's.
  var blobs: [ContentDescriptor]?
  var subject: ContentDescriptor?
  var annotations: [String: String]?
  /// Properties that no specification has.
  var custom: [String: String] = [:]

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(schemaVersion, forKey: Key(stringValue: "schemaVersion"))
    try container.encodeIfPresent(mediaType, forKey: Key(stringValue: "mediaType"))
    try container.encodeIfPresent(artifactType, forKey: Key(stringValue: "artifactType"))
    try container.encodeIfPresent(config, forKey: Key(stringValue: "config"))
    try container.encodeIfPresent(layers, forKey: Key(stringValue: "layers"))
    try container.encodeIfPresent(manifests, forKey: Key(stringValue: "manifests"))
    try container.encodeIfPresent(blobs, forKey: Key(stringValue: "blobs"))
    try container.encodeIfPresent(subject, forKey: Key(stringValue: "subject"))
    try container.encodeIfPresent(annotations, forKey: Key(stringValue: "annotations"))
    for (name, value) in custom { try container.encode(value, forKey: Key(stringValue: name)) }
  }

  /// The manifest's bytes; their `Content-Type` is its media type, or that of an image manifest.
  func content(
    algorithm: HashAlgorithm = .sha256, formatting: JSONEncoder.OutputFormatting = []
  ) throws -> Content {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    return Content(try encoder.encode(self), mediaType ?? MediaType.manifest, algorithm: algorithm)
  }

  /// The descriptor that the list of referrers has for this manifest (section "Listing Referrers").
  func referrer(_ content: Content) -> ContentDescriptor {
    var descriptor = content.descriptor
    descriptor.artifactType = artifactType ?? config?.mediaType
    descriptor.annotations = annotations
    return descriptor
  }
}
