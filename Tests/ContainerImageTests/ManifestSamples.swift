import ContainerImage

/// Documents that tests of manifests are made of.
enum Sample {
  static let config = "application/vnd.oci.image.config.v1+json"
  static let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
  static let foreignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

  /// A digest that is 64 times the hexadecimal digit.
  static func digest(_ digit: Character) -> String { "sha256:" + String(repeating: digit, count: 64) }

  static func descriptor(_ type: String, _ digit: Character, size: String = "7", more: String = "") -> String
  {
    #"{"mediaType":"\#(type)","digest":"\#(digest(digit))","size":\#(size)\#(more)}"#
  }

  /// An OCI image manifest. `more` goes behind its last property, with its own comma.
  static func image(
    mediaType: MediaType? = .ociImageManifest, config: String = Sample.config, layers: [String]? = nil,
    more: String = ""
  ) -> String {
    let type = mediaType.map { #""mediaType":"\#($0)","# } ?? ""
    let layers = layers ?? [descriptor(layer, "b")]
    return #"{"schemaVersion":2,\#(type)"config":\#(descriptor(config, "a")),"#
      + #""layers":[\#(layers.joined(separator: ","))]\#(more)}"#
  }

  static func index(
    mediaType: MediaType? = .ociImageIndex, manifests: [String]? = nil, more: String = ""
  ) -> String {
    let type = mediaType.map { #""mediaType":"\#($0)","# } ?? ""
    let platform = #","platform":{"os":"linux","architecture":"arm64","variant":"v8"}"#
    let manifests = manifests ?? [descriptor("\(MediaType.ociImageManifest)", "c", more: platform)]
    return #"{"schemaVersion":2,\#(type)"manifests":[\#(manifests.joined(separator: ","))]\#(more)}"#
  }

  static func parse(_ json: String, as contentType: MediaType? = nil) throws(InvalidValue) -> Manifest {
    try Manifest(parsing: Array(json.utf8), contentType: contentType)
  }
}
