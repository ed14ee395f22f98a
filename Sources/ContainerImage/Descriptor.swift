/// A reference to content by type, digest and size (image-spec, descriptor.md). Unknown properties are ignored.
public struct Descriptor: Sendable, Hashable, Codable {
  public var mediaType: MediaType
  public var digest: Digest
  /// Bytes.
  public var size: Int64
  public var urls: [String]?
  public var annotations: [String: String]?
  public var artifactType: String?
  public var platform: Platform?

  public init(
    mediaType: MediaType, digest: Digest, size: Int64, urls: [String]? = nil,
    annotations: [String: String]? = nil, artifactType: String? = nil, platform: Platform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.urls = urls
    self.annotations = annotations
    self.artifactType = artifactType
    self.platform = platform
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // Docker schema 2 of old pushes and some artifacts leave mediaType out of the descriptors.
    mediaType = try container.decodeIfPresent(MediaType.self, forKey: .mediaType) ?? MediaType("")
    digest = try container.decode(Digest.self, forKey: .digest)
    size = try container.decode(Int64.self, forKey: .size)
    guard size >= 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: .size, in: container, debugDescription: "the size \(size) is negative")
    }
    urls = try container.decodeIfPresent([String].self, forKey: .urls)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
    // A platform only helps to choose; one that is incomplete is no reason to refuse the manifest.
    platform = try? container.decodeIfPresent(Platform.self, forKey: .platform)
  }
}
