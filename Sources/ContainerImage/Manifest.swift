/// What a registry needs to know of a manifest's JSON. The bytes themselves are kept apart, exactly as pushed.
///
/// Covers OCI image manifests and indexes (image-spec 1.1), Docker schema 2 manifests and manifest lists, and
/// the artifact manifests of OCI's release candidates and of ORAS.
public struct Manifest: Sendable {
  public enum Kind: Sendable, Hashable {
    /// A config and layers.
    case image
    /// A list of manifests.
    case index
    /// Blobs without a config.
    case artifact
  }

  public let kind: Kind
  public let mediaType: MediaType
  /// Blobs the manifest refers to, in its order: config, then layers (or an artifact's blobs).
  public let blobs: [Descriptor]
  /// The manifests of an index.
  public let manifests: [Descriptor]
  public let subject: Descriptor?
  public let annotations: [String: String]
  /// As the referrers API reports it: the manifest's own, else an image's config media type
  /// (distribution-spec, section "Listing Referrers").
  public let artifactType: String?

  /// An image's config; nil for other kinds.
  public var config: Descriptor? { kind == .image ? blobs.first : nil }

  /// An image's layers, from the first to the last; an artifact's blobs.
  public var layers: [Descriptor] { kind == .image ? Array(blobs.dropFirst()) : blobs }

  /// Blobs that must be in the repository: all but the non-distributable ones that say where else they are.
  public var requiredBlobs: [Descriptor] {
    blobs.filter { !($0.mediaType.isNondistributable && !($0.urls ?? []).isEmpty) }
  }

  /// - Parameters:
  ///   - bytes: the document.
  ///   - contentType: the `Content-Type` it came with; without one the document's own `mediaType`
  ///     or else its shape decides.
  /// - Throws: `InvalidValue` with what is wrong and where.
  public init(parsing bytes: some ContiguousBytesSequence, contentType: MediaType?) throws(InvalidValue) {
    try StrictJSON.check(bytes.withContiguousBytes { Array($0) }) { name in
      // Go's JSON reader, which most clients use, takes "Layers" for "layers".
      !Document.names.contains(name) && Document.lowercasedNames.contains(name.lowercased())
    }
    let document = try InvalidValue.decode(Document.self, from: bytes, what: "the manifest")
    try self.init(document, contentType: contentType)
  }

  private init(_ document: Document, contentType: MediaType?) throws(InvalidValue) {
    let mediaType = try Self.mediaType(of: document, contentType: contentType)
    guard let kind = Self.kinds[mediaType] else {
      throw .malformed(Self.refusal(of: mediaType))
    }
    // One document must not read as an image to one client and as an index to another
    // (image-spec advisory GHSA-mc8v-mgrf-8f4m).
    guard document.manifests == nil || (document.layers == nil && document.config == nil) else {
      throw .malformed("the manifest is ambiguous: it has both \"manifests\" and \"layers\" or \"config\"")
    }
    switch kind {
    case .image:
      try Self.requireSchemaVersion2(document)
      guard let config = document.config else { throw .malformed("the image manifest has no \"config\"") }
      guard let layers = document.layers else { throw .malformed("the image manifest has no \"layers\"") }
      blobs = [config] + layers
      manifests = []
      artifactType =
        document.artifactType.flatMap { $0.isEmpty ? nil : $0 } ?? config.mediaType.description
    case .index:
      try Self.requireSchemaVersion2(document)
      guard let listed = document.manifests else { throw .malformed("the index has no \"manifests\"") }
      blobs = []
      manifests = listed
      artifactType = document.artifactType.flatMap { $0.isEmpty ? nil : $0 }
    case .artifact:
      blobs = document.blobs ?? []
      manifests = []
      artifactType = document.artifactType.flatMap { $0.isEmpty ? nil : $0 }
    }
    self.kind = kind
    self.mediaType = mediaType
    subject = document.subject
    annotations = document.annotations ?? [:]
  }

  private static let kinds: [MediaType: Kind] = [
    .ociImageManifest: .image,
    .dockerManifest: .image,
    .ociImageIndex: .index,
    .dockerManifestList: .index,
    .ociArtifactManifest: .artifact,
    .orasArtifactManifest: .artifact,
  ]

  private static func mediaType(
    of document: Document, contentType: MediaType?
  ) throws(InvalidValue) -> MediaType {
    if let contentType, contentType.description != "application/json" {
      if let own = document.mediaType, own != contentType {
        throw .malformed(
          "the manifest's mediaType \(own.description.quotedForMessage) differs from its Content-Type "
            + contentType.description.quotedForMessage)
      }
      return contentType
    }
    if let own = document.mediaType { return own }
    if document.schemaVersion == 1 { return .dockerSchema1 }
    if document.manifests != nil { return .ociImageIndex }
    if document.config != nil { return .ociImageManifest }
    throw .malformed("the manifest has no mediaType and came without a Content-Type: send one")
  }

  private static func refusal(of mediaType: MediaType) -> String {
    if mediaType == .dockerSchema1 || mediaType == .dockerSchema1Signed {
      return "Docker schema 1 manifests are not supported: push the image with Docker 1.10 or newer"
    }
    return "manifests of type \(mediaType.description.quotedForMessage) are not supported: "
      + "push an OCI image manifest or index, or a Docker schema 2 manifest or manifest list"
  }

  private static func requireSchemaVersion2(_ document: Document) throws(InvalidValue) {
    guard document.schemaVersion == 2 else {
      throw .malformed("the manifest's schemaVersion must be 2")
    }
  }

  /// The properties of all manifest types together.
  private struct Document: Decodable {
    var schemaVersion: Int?
    var mediaType: MediaType?
    var artifactType: String?
    var config: Descriptor?
    var layers: [Descriptor]?
    var manifests: [Descriptor]?
    var blobs: [Descriptor]?
    var subject: Descriptor?
    var annotations: [String: String]?

    static let names: Set = [
      "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject",
      "annotations",
    ]
    static let lowercasedNames = Set(names.map { $0.lowercased() })
  }
}
