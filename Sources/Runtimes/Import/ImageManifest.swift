import ContainerImage
import FoundationEssentials

/// An image's manifest as it is written (image-spec, manifest.md; Docker's schema 2 has the same properties).
struct ImageManifest: Encodable {
  var schemaVersion = 2
  var mediaType: MediaType
  var config: Descriptor
  var layers: [Descriptor]

  init(mediaType: MediaType, config: Descriptor, layers: [Descriptor]) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
  }

  /// The same for equal values.
  var bytes: [UInt8] { get throws { try stableJSON(self) } }
}

/// JSON that is the same for equal values.
func stableJSON(_ value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return Array(try encoder.encode(value))
}
