import ContainerImage
import FoundationEssentials

/// An index as it is written (image-spec, image-index.md).
struct OCIIndex: Encodable {
  var schemaVersion = 2
  var mediaType = MediaType.ociImageIndex
  var manifests: [Descriptor]

  /// The same for equal values.
  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
