import ContainerImage
import NIOCore
import Storage

extension Registry {
  /// Stores a manifest that came from another registry, whatever it refers to: that comes when somebody asks for it. What the trust
  /// policy says of it is asked when it is given out.
  /// - Parameters:
  ///   - digest: of the content.
  ///   - tags: to move.
  /// - Throws: `RegistryError.manifestInvalid`, `.manifestTooLarge`, `StorageError`
  public func keep(
    _ content: ByteBuffer, as mediaType: MediaType, _ digest: Digest, tags: [Tag],
    in repository: RepositoryName
  ) async throws {
    guard content.readableBytes <= configuration.maximumManifestSize else {
      throw RegistryError.manifestTooLarge(limit: configuration.maximumManifestSize)
    }
    let manifest: Manifest
    do {
      manifest = try Manifest(parsing: Array(content.readableBytesView), contentType: mediaType)
    } catch {
      throw RegistryError.manifestInvalid("\(error)")
    }
    var new = NewManifest(
      digest: digest, manifest: manifest, content: content, tags: tags, allowsMissingBlobs: true,
      allowsMissingManifests: true)
    new.isMirrored = true
    try await store.metadata.putManifest(new, in: repository)
  }
}
