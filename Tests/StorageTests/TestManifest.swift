import ContainerImage
import NIOCore

@testable import Storage

extension NewManifest {
  /// An image of the blobs, the first of which is its config.
  static func image(
    _ blobs: [Digest], tags: [String] = [], subject: Digest? = nil, artifactType: String? = nil,
    annotations: String = "{}", allowsMissing: Bool = false
  ) throws -> NewManifest {
    let type = MediaType.ociImageManifest
    let descriptors = blobs.map { descriptor($0, "application/octet-stream") }
    var json = #"{"schemaVersion":2,"mediaType":"\#(type)","annotations":\#(annotations),"#
    if let subject { json += #""subject":\#(descriptor(subject, "\(type)")),"# }
    if let artifactType { json += #""artifactType":"\#(artifactType)","# }
    json += #""config":\#(descriptors[0]),"layers":[\#(descriptors.dropFirst().joined(separator: ","))]}"#
    return try NewManifest(json, type, tags, allowsMissing)
  }

  static func index(
    _ manifests: [Digest], tags: [String] = [], allowsMissing: Bool = false
  ) throws -> NewManifest {
    let type = MediaType.ociImageIndex
    let list = manifests.map { descriptor($0, "\(MediaType.ociImageManifest)") }.joined(separator: ",")
    return try NewManifest(
      #"{"schemaVersion":2,"mediaType":"\#(type)","manifests":[\#(list)]}"#, type, tags, allowsMissing)
  }

  private init(_ json: String, _ type: MediaType, _ tags: [String], _ allowsMissing: Bool) throws {
    let bytes = Array(json.utf8)
    self.init(
      digest: Digest(hashing: bytes), manifest: try Manifest(parsing: bytes, contentType: type),
      content: ByteBuffer(bytes: bytes), tags: try tags.map { try Tag(parsing: $0) },
      allowsMissingBlobs: allowsMissing, allowsMissingManifests: allowsMissing)
  }

  private static func descriptor(_ digest: Digest, _ type: String) -> String {
    #"{"mediaType":"\#(type)","digest":"\#(digest)","size":1}"#
  }
}

extension ContentStore {
  /// Stores a manifest.
  /// - Returns: its digest.
  @discardableResult
  func put(_ manifest: NewManifest, in repository: RepositoryName = app) async throws -> Digest {
    try await metadata.putManifest(manifest, in: repository)
    return manifest.digest
  }

  /// The digest that a tag points to.
  func digest(of tag: String, in repository: RepositoryName = app) throws -> Digest? {
    try metadata.manifest(.tag(Tag(parsing: tag)), in: repository)?.digest
  }
}
