import Archive
import ContainerImage
import ImageTransfer

/// Unpacks an image's layers into a new directory.
struct ImageUnpacker {
  let image: StagedImage

  /// - Parameter directory: is made; must not be there.
  /// - Returns: what was left out, in sentences.
  /// - Throws: `ArchiveError`, `TransferError`
  func unpack(into directory: String) throws -> [String] {
    var options = UnpackOptions()
    options.limits = image.limits
    let unpacker = try LayerUnpacker(root: directory, options: options)
    for (layer, diffID) in zip(image.manifest.layers, image.config.rootfs.diffIDs) {
      try unpacker.apply(try image.layer(layer), diffID: diffID)
    }
    return try unpacker.finish().sentences
  }
}
