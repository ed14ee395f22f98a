/// An index as it is written (image-spec, image-index.md).
public struct ImageIndex: Encodable, Sendable {
  public var schemaVersion = 2
  public var mediaType = MediaType.ociImageIndex
  public var manifests: [Descriptor]

  public init(manifests: [Descriptor]) { self.manifests = manifests }

  /// The same for equal values.
  public var bytes: [UInt8] { get throws { try stableJSON(self) } }
}
