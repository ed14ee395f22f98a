import Archive
import ContainerImage
import ImageTransfer
import RegistryClient
import Runtimes

/// One of several images to copy: with the name that it has in a registry, which it keeps a part of.
struct NamedImage: Sendable {
  let name: ImageReference
  let location: ImageLocation
  /// Nil for an image that is in no archive.
  let archive: TransferArchive?

  /// The images that a place means: all of an archive, or one.
  /// - Parameter limits: of what an archive may have.
  /// - Throws: `TransferError`, `ConfigurationError` for images that have no such name
  static func all(at location: ImageLocation, _ limits: UnpackLimits) throws -> [NamedImage] {
    switch location {
    case .registry(let reference):
      return [
        NamedImage(name: TransferArchive.name(of: reference, root: nil), location: location, archive: nil)
      ]
    case .layout(_, let name?):
      return [NamedImage(name: try reference(name, location), location: location, archive: nil)]
    case .archive(let file, let name):
      let archive = try TransferArchive(file: file, limits: limits)
      guard !archive.names.isEmpty else {
        throw TransferError.notFound("\(location) has no image with a name")
      }
      return try (name.map { [$0] } ?? archive.names).map { name in
        let location = ImageLocation.archive(file: file, name: name)
        return NamedImage(name: try reference(name, location), location: location, archive: archive)
      }
    case .layout, .export, .engine, .discovered:
      throw ConfigurationError(
        "\(location) has no name of a registry, which it could keep: with --to, images come from registries, archive:FILE, or "
          + "oci:DIR:NAME where NAME is a whole one such as registry.example/hello:v1")
    }
  }

  private static func reference(
    _ name: String, _ location: ImageLocation
  ) throws(ConfigurationError) -> ImageReference {
    if let image = try? ImageReference(parsing: name) {
      let whole = TransferArchive.name(of: image, root: nil)
      // Without its registry it is not known where it comes from.
      if name.hasPrefix("\(whole.registry)/") { return whole }
    }
    throw ConfigurationError(
      "\(location): \(name.quotedForMessage) is no whole name such as registry.example/hello:v1: copy the image by itself, "
        + "with 'kontor copy \(location) DESTINATION'")
  }

  /// - Parameter places: where the destination may have blobs of its archive.
  func source(_ client: RegistryClient, _ places: ImportPlaces? = nil) throws -> any ImageSource {
    guard let archive, case .archive(_, let name) = location else { return try location.source(client) }
    return places?.source(named: name) ?? TransferArchiveSource(archive, named: name)
  }

  /// What refers to an image is a part of what an archive has of it.
  func options(_ copying: CopyArguments, _ platform: Platform?) -> ImageCopier.Options {
    var options = copying.options(platform)
    if archive != nil { options.includesReferrers = true }
    return options
  }
}
