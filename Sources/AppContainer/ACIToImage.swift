import Archive
import ContainerImage
import ImageTransfer

/// Makes an OCI image of an App Container Image: the root file system becomes its one layer, the manifest its config.
///
/// ```swift
/// let conversion = try ACIToImage { try file.open() }
/// let layer = try conversion.writeLayer(to: sink)
/// let image = try conversion.image(of: layer)
/// ```
///
/// The image is read twice, so that nothing is written of one that turns out to be invalid at its end. The same image
/// gives the same bytes.
public final class ACIToImage {
  /// The layer that was written.
  public struct Layer: Sendable, Hashable {
    /// Of the compressed layer.
    public let descriptor: Descriptor
    /// Of the uncompressed one.
    public let diffID: Digest
  }

  /// The documents of the image.
  public struct Image: Sendable, Hashable {
    public let config: [UInt8]
    /// An OCI image manifest.
    public let manifest: [UInt8]
  }

  public let summary: ACIReader.Summary
  /// What OCI images have no place for, in words.
  public let notes: [String]
  private let execution: ImageConfig.Execution
  private let platform: Platform
  private let selection: ACISelection
  private let limits: ACIReader.Limits
  private let open: () throws -> any BlobReader

  private static let layerType = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")

  /// Reads the image for the first time.
  /// - Parameter open: gives the image from its start; is called twice.
  /// - Throws: `AppContainerError` (`notConvertible` for an image that needs others), `ArchiveError`, and what opening and
  ///   reading throws.
  public init(limits: ACIReader.Limits = ACIReader.Limits(), open: @escaping () throws -> any BlobReader)
    throws
  {
    self.limits = limits
    self.open = open
    let reader = try ACIReader(open(), limits: limits)
    var survey = ACISurvey()
    while let entry = try reader.next() { try survey.add(entry) }
    summary = try reader.finish()
    let manifest = summary.manifest
    guard manifest.dependencies.isEmpty else {
      throw AppContainerError.notConvertible(
        reason: "it needs other images: "
          + manifest.dependencies.map(\.imageName.description).joined(separator: ", "))
    }
    platform = try ACPlatform.platform(of: manifest.labels)
    selection = ACISelection(survey, whitelist: manifest.pathWhitelist)
    var notes: [String] = []
    execution =
      try manifest.app.map { try ImageConfig.Execution($0, manifest.annotations, survey, &notes) } ?? .init()
    self.notes = notes
  }

  /// Reads the image for the second time and writes the layer, compressed with gzip.
  /// - Throws: as `init`, and what the sink throws.
  public func writeLayer(to sink: ByteSink) throws -> Layer {
    var compressed = ContentHasher(.sha256)
    var uncompressed = ContentHasher(.sha256)
    var size: Int64 = 0
    let compressor = try CompressingWriter(
      .gzip,
      to: ByteSink { bytes in
        compressed.update(bytes)
        size += Int64(bytes.count)
        try sink.write(bytes)
      })
    let writer = try TarWriter(
      to: ByteSink { bytes in
        uncompressed.update(bytes)
        try compressor.write(bytes)
      })
    let reader = try ACIReader(open(), limits: limits)
    while let entry = try reader.next() {
      if let entry = selection.layerEntry(entry) { try writer.add(entry, dataFrom: reader.entryData) }
    }
    guard try reader.finish() == summary else {
      throw AppContainerError.notAnImage(reason: "it was changed while it was read")
    }
    try writer.finish()
    try compressor.finish()
    return Layer(
      descriptor: Descriptor(mediaType: Self.layerType, digest: compressed.digest(), size: size),
      diffID: uncompressed.digest())
  }

  /// The documents of the image that has this layer.
  public func image(of layer: Layer) throws -> Image {
    let manifest = summary.manifest
    var config = ImageConfig(platform: platform, config: execution, diffIDs: [layer.diffID])
    config.created = manifest.annotations[ACAnnotations.created]
    config.author = manifest.annotations[ACAnnotations.authors]
    var history = ImageConfig.History(createdBy: "kontor aci")
    history.created = config.created
    config.history = [history]
    let bytes = try stableJSON(config)
    let document = ImageManifest(
      mediaType: .ociImageManifest,
      config: Descriptor(
        mediaType: .ociImageConfig, digest: Digest(hashing: bytes), size: Int64(bytes.count)),
      layers: [layer.descriptor], annotations: manifest.imageAnnotations)
    return Image(config: bytes, manifest: try document.bytes)
  }
}
