import FoundationEssentials

/// An image's manifest as it is written (image-spec, manifest.md; Docker's schema 2 has the same properties).
public struct ImageManifest: Encodable, Sendable {
  public var schemaVersion = 2
  public var mediaType: MediaType
  public var config: Descriptor
  public var layers: [Descriptor]
  public var annotations: [String: String]?

  public init(
    mediaType: MediaType, config: Descriptor, layers: [Descriptor], annotations: [String: String]? = nil
  ) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }

  /// The same for equal values.
  public var bytes: [UInt8] { get throws { try stableJSON(self) } }
}

/// JSON that is the same for equal values.
public func stableJSON(_ value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return Array(try encoder.encode(value))
}
