import Archive
import ContainerImage

/// Makes an App Container Image of an OCI or Docker image: its layers become one root file system (`LayerSquash`), its
/// config the manifest (`AppContainerManifest.init(_:origin:)`).
///
/// ```swift
/// let conversion = try ImageToACI(config, origin: origin, layers: layers)
/// let image = try conversion.write(to: sink)
/// ```
public struct ImageToACI {
  public let manifest: AppContainerManifest
  private let squash: LayerSquash

  /// Reads the layers for the first time.
  /// - Parameter layers: from the first to the last.
  /// - Throws: `AppContainerError.notConvertible`, `ArchiveError`, and what opening and reading the layers throws.
  public init(
    _ config: ImageConfig, origin: ImageOrigin, layers: [LayerSquash.Layer],
    limits: LayerSquash.Limits = LayerSquash.Limits()
  ) throws {
    manifest = try AppContainerManifest(config, origin: origin)
    squash = try LayerSquash(layers, limits: limits)
    guard try squash.isDirectory("dev") != false else {
      throw AppContainerError.notConvertible(reason: "its \"/dev\" is no directory")
    }
    for (path, target) in Self.deviceLinks { try squash.addLink(path, to: target) }
  }

  /// What of the layers was read and left out.
  public var report: UnpackReport { squash.report }

  /// Reads the layers for the second time. The same config, origin and layers give the same bytes.
  /// - Parameter compression: gzip, bzip2, xz or none.
  /// - Returns: the image's ID, and how many bytes its uncompressed archive has.
  /// - Throws: as `init`, and what the sink throws.
  @discardableResult
  public func write(
    compression: Compression = .gzip, to sink: ByteSink
  ) throws -> (imageID: ACIImageID, size: Int64) {
    let writer = try ACIWriter(
      manifest, compression: compression, level: compression == .gzip ? Self.gzipLevel : nil, to: sink)
    try squash.write(to: writer.rootFS, prefix: ACIWriter.rootFSPrefix)
    return try writer.finish()
  }

  /// Whoever asks first waits for the conversion. The lowest level takes less than half the time of the usual one, and makes
  /// files that are 4 % larger.
  private static let gzipLevel = 1

  /// Names that Docker gives every container, and programs expect; where the image has none, docker2aci adds them. Output goes
  /// to the console, as it may be a socket, which cannot be opened through `/proc`.
  private static let deviceLinks: [(RawPath, RawPath)] = [
    ("dev/stdin", "/proc/self/fd/0"), ("dev/stdout", "/dev/console"), ("dev/stderr", "/dev/console"),
    ("dev/fd", "/proc/self/fd"),
  ]
}
