import ContainerImage
import FoundationEssentials
import ImageTransfer
import Trust

extension RemoteSignatures {
  private static let emptyJSON = Array("{}".utf8)

  /// Adds a signature to the image with the tag `CosignSignature.tag(for:)`, which is made if it is not there.
  /// - Parameter digest: of what is signed.
  /// - Throws: `TransferError`
  public func add(_ signature: CosignSignature, of digest: Digest) throws {
    let tag: Tag
    do { tag = try Tag(parsing: CosignSignature.tag(for: digest)) } catch {
      throw TransferError.failed("there is no tag for signatures of \(digest): \(error)")
    }
    var layers: [Descriptor] = []
    do { layers = try repository.manifest(.tag(tag)).manifest().layers } catch TransferError.notFound {}
    var layer = try put(signature.payload, CosignSignature.mediaType)
    layer.annotations = signature.annotations
    layers.append(layer)
    var config = OrderedJSON.object([])
    // As cosign has it: programs that expect an image's config find one.
    for name in ["architecture", "os"] { config[name] = .string("") }
    config["rootfs"] = .object([
      .init(name: "type", value: .string("layers")),
      .init(name: "diff_ids", value: .array(layers.map { .string("\($0.digest)") })),
    ])
    config["config"] = .object([])
    var manifest = Self.manifest(
      config: try put(Array(config.line.utf8), .ociImageConfig))
    manifest["layers"] = .array(layers.map(\.json))
    try repository.put(try Self.document(manifest), as: .tag(tag))
  }

  /// Adds a bundle of Sigstore's, as cosign 3 does, in an artifact that refers to the image.
  /// - Parameter time: the present.
  /// - Throws: `TransferError`
  public func add(bundle: [UInt8], of image: Descriptor, at time: Date) throws {
    var manifest = Self.manifest(config: try put(Self.emptyJSON, .ociEmptyJSON))
    manifest["artifactType"] = .string("\(SigstoreSigner.bundleMediaType)")
    manifest["layers"] = .array([try put(bundle, SigstoreSigner.bundleMediaType).json])
    let subject = Descriptor(mediaType: image.mediaType, digest: image.digest, size: image.size)
    manifest["subject"] = subject.json
    manifest["annotations"] = .object([
      .init(name: "dev.sigstore.bundle.content", value: .string("dsse-envelope")),
      .init(name: "org.opencontainers.image.created", value: .string(time.formatted(.iso8601))),
    ])
    try refer(try Self.document(manifest))
  }

  /// Adds a signature of notation's, with the artifact that it brings.
  /// - Throws: `TransferError`
  public func add(_ signature: NotationSignature) throws {
    let config = NotationSignatureManifest.config
    _ = try put(config.bytes, config.descriptor.mediaType)
    _ = try put(signature.envelope, signature.descriptor.mediaType)
    try refer(try ManifestDocument(signature.manifest, mediaType: .ociImageManifest))
  }

  private static func manifest(config: Descriptor) -> OrderedJSON {
    var manifest = OrderedJSON.object([])
    manifest["schemaVersion"] = .literal("2")
    manifest["mediaType"] = .string("\(MediaType.ociImageManifest)")
    manifest["config"] = config.json
    return manifest
  }

  private static func document(_ manifest: OrderedJSON) throws -> ManifestDocument {
    try ManifestDocument(Array(manifest.line.utf8), mediaType: .ociImageManifest)
  }

  /// Through the destination, which lists it under a tag where the registry keeps no referrers.
  private func refer(_ document: ManifestDocument) throws {
    try RegistryDestination(repository).put(document, isRoot: false)
  }

  private func put(_ bytes: [UInt8], _ type: MediaType) throws -> Descriptor {
    let blob = Descriptor(mediaType: type, digest: Digest(hashing: bytes), size: Int64(bytes.count))
    if try !repository.has(blob) {
      try repository.put(BlobContent(blob, of: MemoryBlob(bytes: bytes)))
    }
    return blob
  }
}

/// One blob in memory, as a source that has nothing else.
private struct MemoryBlob: ImageSource {
  let bytes: [UInt8]

  func root() throws -> ManifestDocument { throw TransferError.notFound("there is no image") }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try root() }
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    MemoryReader(bytes, from: offset)
  }
}
