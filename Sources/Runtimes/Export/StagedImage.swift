import Archive
import ContainerImage
import ImageTransfer

/// An image for one platform that is here whole and verified, in a layout of its own: what an `ImageExport` makes
/// something else of.
public struct StagedImage: Sendable {
  public let source: LayoutSource
  public let document: ManifestDocument
  public let manifest: Manifest
  public let config: ImageConfig
  public let configBytes: [UInt8]
  /// What its layers may have.
  public let limits: UnpackLimits

  private let isCancelled: @Sendable () -> Bool

  private static let largestConfig: Int64 = 8 << 20

  /// - Throws: `TransferError.notAnImage` if it is something else than an image with layers.
  init(
    _ source: LayoutSource, root: ManifestDocument, limits: UnpackLimits,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws {
    self.isCancelled = isCancelled
    self.source = source
    self.limits = limits
    document = root
    manifest = try root.manifest()
    guard let descriptor = manifest.config, descriptor.size <= Self.largestConfig else {
      throw TransferError.notAnImage("this is no container image: it has no config")
    }
    guard
      let bytes = try LocalFile.contents(
        source.layout.blobPath(descriptor.digest), atMost: Int(Self.largestConfig))
    else { throw TransferError.notFound("the image's config \(descriptor.digest) is missing") }
    configBytes = bytes
    do {
      config = try ImageConfig(parsing: bytes)
    } catch {
      throw TransferError.notAnImage(
        "this is no container image that can be unpacked, but \(manifest.artifactType ?? "something else"): \(error)"
      )
    }
    guard config.rootfs.diffIDs.count == manifest.layers.count else {
      throw TransferError.notAnImage(
        "the image's config speaks of \(config.rootfs.diffIDs.count) layers, its manifest of \(manifest.layers.count)"
      )
    }
  }

  /// The bytes of a layer's file, compressed as it is, until the user stops it.
  func layer(_ descriptor: Descriptor) throws -> any BlobReader {
    StoppableReader(try source.blob(descriptor, from: 0), isCancelled: isCancelled)
  }

  /// Where bytes go until the user stops it.
  func stoppable(_ sink: ByteSink) -> ByteSink {
    ByteSink { bytes in
      if isCancelled() { throw TransferError.cancelled }
      try sink.write(bytes)
    }
  }
}
