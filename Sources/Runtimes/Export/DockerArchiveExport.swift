import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer

/// `docker-archive:FILE[:REFERENCE]`: what `docker load` takes. Layers are uncompressed in it, as `docker save` writes them
/// and as the config's DiffIDs are of.
public struct DockerArchiveExport: ImageExport {
  private let file: String
  private let reference: String?

  /// - Parameter reference: `NAME:TAG`; nil for an image that is known by its ID alone.
  public init(file: String, reference: String?) {
    self.file = file
    self.reference = reference
  }

  public func check() throws { try TemporaryPath.requireFree(file, isDirectory: false) }

  public func export(_ image: StagedImage) throws -> [String] {
    try TarFile(path: file).write(image) { try Self.write(image, reference: reference, to: $0) }
    return []
  }

  /// The archive's entries, without its end.
  static func write(_ image: StagedImage, reference: String?, to writer: TarWriter) throws {
    guard let config = image.manifest.config else {
      throw TransferError.notAnImage("the image has no config")
    }
    struct Entry: Encodable {
      var Config: String
      var RepoTags: [String]
      var Layers: [String]
    }
    let names = image.config.rootfs.diffIDs.map { "\($0.encoded).tar" }
    let entry = Entry(
      Config: "\(config.digest.encoded).json", RepoTags: reference.map { [$0] } ?? [], Layers: names)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try writer.add("manifest.json", String(decoding: try encoder.encode([entry]), as: UTF8.self))
    try writer.add(
      TarEntry(path: RawPath(entry.Config), kind: .file, mode: 0o644, size: config.size),
      data: image.configBytes)
    var written: Set<String> = []
    let budget = UnpackBudget(image.limits)
    for (layer, diffID) in zip(image.manifest.layers, image.config.rootfs.diffIDs) {
      let name = "\(diffID.encoded).tar"
      guard written.insert(name).inserted else { continue }
      try add(layer, diffID, as: name, of: image, within: budget, to: writer)
    }
  }

  /// A tar entry begins with its size, which of a compressed layer is not known: so it is read twice.
  private static func add(
    _ layer: Descriptor, _ diffID: Digest, as name: String, of image: StagedImage,
    within budget: UnpackBudget, to writer: TarWriter
  ) throws {
    var size: Int64 = 0
    var hasher = ContentHasher(diffID.algorithm)
    try DecompressingReader(try image.layer(layer), within: budget).forEachPiece { piece in
      size += Int64(piece.count)
      hasher.update(piece)
    }
    let actual = hasher.digest()
    guard actual == diffID else { throw ArchiveError.wrongDiffID(expected: diffID, actual: actual) }
    try writer.add(TarEntry(path: RawPath(name), kind: .file, mode: 0o644, size: size))
    try DecompressingReader(try image.layer(layer)).forEachPiece { try writer.write($0) }
  }
}
