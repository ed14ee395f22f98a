import Foundation
import Testing

/// What one kind of content consists of, in the order in which it has to be pushed.
struct Goods: Sendable {
  var blobs: [Content] = []
  /// Each comes after those it refers to, but for subjects.
  var manifests: [Content] = []
  /// The digests of manifests by the tags that they shall have.
  var tags: [String: String] = [:]
  /// The lists of referrers by the digests of their subjects.
  var referrers: [String: [ContentDescriptor]] = [:]

  func manifest(_ digest: String) throws -> Content {
    try #require(manifests.first { $0.digest == digest })
  }

  func tags(of manifest: Content) -> [String] {
    tags.filter { $0.value == manifest.digest }.keys.sorted()
  }

  /// Adds blobs and returns their descriptors.
  mutating func add(_ blobs: Content...) -> [ContentDescriptor] {
    self.blobs += blobs
    return blobs.map(\.descriptor)
  }

  /// Adds a manifest, to whose subject it becomes a referrer.
  @discardableResult
  mutating func add(
    _ manifest: ContentManifest, tag: String? = nil, algorithm: HashAlgorithm = .sha256,
    formatting: JSONEncoder.OutputFormatting = []
  ) throws -> ContentDescriptor {
    let content = try manifest.content(algorithm: algorithm, formatting: formatting)
    manifests.append(content)
    if let tag { tags[tag] = content.digest }
    if let subject = manifest.subject {
      referrers[subject.digest, default: []].append(manifest.referrer(content))
    }
    return content.descriptor
  }

  /// Adds an image of a config and layers; without `layers`, of one of its own.
  @discardableResult
  mutating func addImage(
    layers: [Content]? = nil, platform: String = "amd64", subject: ContentDescriptor? = nil,
    tag: String? = nil,
    algorithm: HashAlgorithm = .sha256, custom: [String: String] = [:], annotations: [String: String]? = nil
  ) throws -> ContentDescriptor {
    let layers = layers ?? [Content.random(1500, MediaType.gzipLayer, algorithm: algorithm)]
    let config = try Self.config(platform: platform, layers: layers, custom: custom, algorithm: algorithm)
    blobs += layers + [config]
    var descriptor = try add(
      ContentManifest(
        mediaType: MediaType.manifest, config: config.descriptor, layers: layers.map(\.descriptor),
        subject: subject, annotations: annotations, custom: custom),
      tag: tag, algorithm: algorithm)
    descriptor.platform = .init(architecture: platform)
    return descriptor
  }

  /// Adds an artifact with an empty config, as image-spec, manifest.md, has it in "Guidelines for Artifact
  /// Usage".
  @discardableResult
  mutating func addArtifact(
    _ type: String, subject: ContentDescriptor? = nil, tag: String? = nil, layers: [Content]? = nil,
    annotations: [String: String]? = nil
  ) throws -> ContentDescriptor {
    let layers = layers ?? [Content.random(700, type)]
    let config = Content.emptyJSON()
    blobs += layers + [config]
    return try add(
      ContentManifest(
        mediaType: MediaType.manifest, artifactType: type, config: config.descriptor,
        layers: layers.map(\.descriptor), subject: subject, annotations: annotations),
      tag: tag)
  }

  /// Adds an index.
  @discardableResult
  mutating func addIndex(
    of manifests: [ContentDescriptor], artifactType: String? = nil, subject: ContentDescriptor? = nil,
    tag: String? = nil, algorithm: HashAlgorithm = .sha256, custom: [String: String] = [:],
    annotations: [String: String]? = nil
  ) throws -> ContentDescriptor {
    try add(
      ContentManifest(
        mediaType: MediaType.index, artifactType: artifactType, manifests: manifests, subject: subject,
        annotations: annotations, custom: custom),
      tag: tag, algorithm: algorithm)
  }

  /// Adds an index of images for two platforms.
  @discardableResult
  mutating func addPlatforms(
    tag: String? = nil, algorithm: HashAlgorithm = .sha256, custom: [String: String] = [:]
  ) throws -> ContentDescriptor {
    let images = try ["amd64", "arm64"].map { platform in
      try addImage(platform: platform, algorithm: algorithm, custom: custom)
    }
    return try addIndex(of: images, tag: tag, algorithm: algorithm, custom: custom)
  }

  /// An image of one layer.
  static func image(algorithm: HashAlgorithm = .sha256) throws -> Goods {
    var goods = Goods()
    try goods.addImage(algorithm: algorithm)
    return goods
  }

  /// The config of an image (image-spec, config.md).
  private static func config(
    platform: String, layers: [Content], custom: [String: String], algorithm: HashAlgorithm
  ) throws -> Content {
    struct Config: Encodable {
      struct RootFS: Encodable {
        var type = "layers"
        var diffIDs: [String]
        private enum CodingKeys: String, CodingKey {
          case type
          case diffIDs = "diff_ids"
        }
      }
      var architecture: String
      var os = "linux"
      var rootfs: RootFS
      /// Makes the configs of equal images differ.
      var author = UUID().uuidString
      var custom: [String: String]?
    }
    let config = Config(
      architecture: platform, rootfs: .init(diffIDs: layers.map(\.digest)),
      custom: custom.isEmpty ? nil : custom)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return Content(try encoder.encode(config), MediaType.config, algorithm: algorithm)
  }
}
