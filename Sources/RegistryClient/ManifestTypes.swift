import ContainerImage

/// What a client takes for a manifest.
enum ManifestTypes {
  static let all: [MediaType] = [
    .ociImageManifest, .ociImageIndex, .dockerManifest, .dockerManifestList, .ociArtifactManifest,
    .orasArtifactManifest,
  ]
  /// For the header `Accept`.
  static let accept = all.map(\.description).joined(separator: ", ")
  /// Bytes; the distribution-spec lets registries refuse more than 4 MiB, some take more.
  static let largest = 16 << 20
}
