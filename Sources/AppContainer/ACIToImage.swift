import ContainerImage
import Archive
import ImageTransfer

/// Makes an OCI image of an App Container Image: the root file system becomes a layer, after those of the images that it needs,
/// and the manifest the config.
///
/// ```swift
/// let conversion = try ACIToImage { try file.open() }
/// let layer = try conversion.writeLayer(to: sink)
/// let image = try conversion.image(of: [layer])
/// ```
///
/// The same image gives the same bytes.
public final class ACIToImage: Sendable {
  /// The documents of the image.
  public struct Image: Sendable, Hashable {
    public let config: [UInt8]
    /// An OCI image manifest.
    public let manifest: [UInt8]
  }

  public var summary: ACIReader.Summary { layer.summary }
  /// What OCI images have no place for, in words.
  public let notes: [String]
  private let layer: ACILayer
  private let execution: ImageConfig.Execution
  private let platform: Platform

  /// Reads an image that needs no others for the first time.
  /// - Parameter open: gives the image from its start; is called twice.
  /// - Throws: `AppContainerError` (`notConvertible` for an image that needs others), `ArchiveError`, and what opening and
  ///   reading throws.
  public convenience init(
    limits: ACIReader.Limits = ACIReader.Limits(), open: @escaping @Sendable () throws -> any BlobReader
  ) throws {
    let layer = try ACILayer(limits: limits, open: open)
    let dependencies = layer.summary.manifest.dependencies
    guard dependencies.isEmpty else {
      throw AppContainerError.notConvertible(
        reason: "it needs other images: " + dependencies.map(\.imageName.description).joined(separator: ", "))
    }
    try self.init(layer, dependencies: [])
  }

  /// - Parameters:
  ///   - layer: of the image itself.
  ///   - dependencies: of all that it needs, in the order in which they are put over each other.
  /// - Throws: `AppContainerError.notConvertible`
  public init(_ layer: ACILayer, dependencies: [ACILayer]) throws(AppContainerError) {
    self.layer = layer
    let manifest = layer.summary.manifest
    platform = try ACPlatform.platform(of: manifest.labels)
    var survey = ACISurvey()
    for layer in dependencies + [layer] { survey.addOwners(of: layer.survey) }
    var notes: [String] = []
    execution =
      try manifest.app.map { app throws(AppContainerError) in
        try ImageConfig.Execution(app, manifest.annotations, survey, &notes)
      } ?? .init()
    self.notes = notes
  }

  /// Writes the layer of the image itself.
  public func writeLayer(to sink: ByteSink) throws -> ACILayer.Written { try layer.write(to: sink) }

  /// The documents of the image that has these layers: those of the dependencies, in their order, and the image's own.
  public func image(of layers: [ACILayer.Written]) throws -> Image {
    let manifest = summary.manifest
    var config = ImageConfig(platform: platform, config: execution, diffIDs: layers.map(\.diffID))
    config.created = manifest.annotations[ACAnnotations.created]
    config.author = manifest.annotations[ACAnnotations.authors]
    var history = ImageConfig.History(createdBy: "kontor aci")
    history.created = config.created
    config.history = layers.map { _ in history }
    let bytes = try stableJSON(config)
    let document = ImageManifest(
      mediaType: .ociImageManifest,
      config: Descriptor(
        mediaType: .ociImageConfig, digest: Digest(hashing: bytes), size: Int64(bytes.count)),
      layers: layers.map(\.descriptor), annotations: manifest.imageAnnotations)
    return Image(config: bytes, manifest: try document.bytes)
  }
}
