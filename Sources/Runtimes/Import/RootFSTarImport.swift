import Archive
import ContainerImage
import ImageTransfer

/// `rootfs-tar:FILE`: a root file system as a tar archive, compressed or not, of which an image of one layer is made. The layer is
/// the archive as it is, compressed with gzip. The same archive and options give the same image: no time is in it but the given
/// one.
public struct RootFSTarImport: ImageImport {
  /// What the image's config says.
  public struct Options: Sendable, Equatable {
    public var platform = Platform.current
    public var execution = ImageConfig.Execution()
    /// RFC 3339; nil for none.
    public var created: String?

    public init() {}
  }

  private let file: String
  private let options: Options

  private static let layerType = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")

  public init(file: String, options: Options) {
    self.file = file
    self.options = options
  }

  public var description: String { "rootfs-tar:\(file)" }

  public func fill(
    _ layout: OCILayout, limits: UnpackLimits, check: () throws -> Void
  ) throws -> String? {
    try checkArchive(limits, check)
    try layout.create()
    let writer = try LayoutBlobWriter(layout)
    let compressor = try CompressingWriter(.gzip, to: ByteSink { try writer.write($0) })
    var hasher = ContentHasher(.sha256)
    try DecompressingReader(try ImageArchive.open(file), within: UnpackBudget(limits)).forEachPiece { piece in
      try check()
      hasher.update(piece)
      try compressor.write(piece)
    }
    try compressor.finish()
    let layer = try writer.finish(Self.layerType)

    var config = ImageConfig(
      platform: options.platform, config: options.execution, diffIDs: [hasher.digest()])
    config.created = options.created
    var history = ImageConfig.History(createdBy: "kontor rootfs-tar")
    history.created = options.created
    config.history = [history]
    let manifest = ImageManifest(
      mediaType: .ociImageManifest, config: try layout.write(try stableJSON(config), as: .ociImageConfig),
      layers: [layer])
    try layout.add(try layout.write(try manifest.bytes, as: .ociImageManifest), name: nil)
    return nil
  }

  /// An archive that is damaged at its end would make an image that nobody can unpack: so it is read to there first.
  private func checkArchive(_ limits: UnpackLimits, _ check: () throws -> Void) throws {
    let reader = try TarReader(try ImageArchive.open(file), within: UnpackBudget(limits))
    var isEmpty = true
    while try reader.next() != nil {
      try check()
      isEmpty = false
    }
    if isEmpty {
      throw TransferError.notAnImage("\(file) is an empty archive: it has no root file system")
    }
  }
}
