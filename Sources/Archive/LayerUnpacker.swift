import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// Unpacks an image's layers, one after the other, into a directory that nobody else touches meanwhile.
///
/// ```swift
/// let unpacker = try LayerUnpacker(root: "/var/tmp/bundle/rootfs")
/// for (layer, diffID) in zip(manifest.layers, config.rootfs.diffIDs) {
///   try unpacker.apply(source.blob(layer, from: 0), diffID: diffID)
/// }
/// let report = try unpacker.finish()
/// ```
///
/// Layers are applied as image-spec's layer.md says. Nothing outside of the directory is read or written, whatever the
/// layers say: see `PathResolver`. Directories get owner, mode, times and attributes in `finish`; until then they
/// are this user's own, so that all can be put into them. After an error the directory is of no use: its owner
/// removes it (`TreeRemoval`).
public final class LayerUnpacker {
  let options: UnpackOptions
  let root: DirectoryHandle
  var resolver: PathResolver<DirectoryHandle>
  var report = UnpackReport()
  /// What the directories will have in the end, by their paths.
  var directories: [RawPath: DirectoryRecord] = [:]
  /// What the current layer put there, so that its whiteouts do not hide it; nil for the first layer, below
  /// which there is nothing to hide.
  var placed: Set<PlacedName>?
  /// Paths of entries that were left out: hard links to them are too.
  var skipped: Set<RawPath> = []
  let budget: UnpackBudget
  private var hasFailed = false

  /// - Parameter root: is made if it is not there, with the directory that it is in being there; must be empty.
  /// - Throws: `ArchiveError.failed`
  public init(root path: String, options: UnpackOptions = UnpackOptions()) throws {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw ArchiveError.system(errno, "make the directory \(path)")
    }
    root = try DirectoryHandle(path: path)
    guard try root.names().isEmpty else {
      throw ArchiveError.failed(operation: "unpack into \(path)", reason: "it is not empty")
    }
    self.options = options
    budget = UnpackBudget(options.limits)
    resolver = PathResolver(root: root)
    directories[RawPath("")] = implicitDirectory(root)
  }

  /// Applies the next layer.
  /// - Parameters:
  ///   - layer: compressed or not. It is read by another thread until this returns.
  ///   - diffID: what the image's config says that the uncompressed layer is; nil if nothing says it.
  /// - Returns: the digest of the uncompressed layer, with all that follows the archive's end.
  /// - Throws: `ArchiveError`, and what the layer's reader throws.
  @discardableResult
  public func apply(_ layer: any BlobReader, diffID: Digest?) throws -> Digest {
    guard !hasFailed else {
      throw ArchiveError.failed(operation: "apply a layer", reason: "another one of the image failed before")
    }
    // Until the layer has proved to be the right one.
    hasFailed = true
    let archive = try HashedArchive(layer, algorithm: diffID?.algorithm ?? .sha256, within: budget)
    defer { archive.stop() }
    try applyEntries(archive.entries)
    let actual = try archive.finish()
    if let diffID, actual != diffID { throw ArchiveError.wrongDiffID(expected: diffID, actual: actual) }
    report.bytes += archive.byteCount
    report.layers += 1
    placed = []
    hasFailed = false
    return actual
  }

  /// Gives the directories what the layers say about them. The last call.
  /// - Throws: `ArchiveError`
  public func finish() throws -> UnpackReport {
    guard !hasFailed else {
      throw ArchiveError.failed(operation: "finish unpacking", reason: "a layer of the image failed before")
    }
    hasFailed = true
    let attributes = DirectoryAttributes(root: root, directories)
    try attributes.set { report.note($0, $1) }
    return report
  }

  private func applyEntries(_ archive: TarReader) throws {
    while let entry = try archive.next() {
      report.entries += 1
      if let warning = archive.warning { report.note(entry.path, warning) }
      try apply(entry, archive)
    }
  }
}

/// A name in a directory.
struct PlacedName: Hashable {
  let directory: UInt64
  let name: RawPath
}
