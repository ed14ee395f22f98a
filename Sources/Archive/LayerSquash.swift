import ContainerImage
import ImageTransfer

/// Makes one archive of an image's layers, as if they had been unpacked and packed again, but without any files: needs no
/// root, and keeps owners, devices, times and attributes as the layers have them.
///
/// ```swift
/// let squash = try LayerSquash(layers)
/// try squash.write(to: TarWriter(to: sink), prefix: "rootfs")
/// ```
///
/// The layers are read twice. The first time their entries make a tree in memory, by the rules of `LayerUnpacker`: parents
/// may be symbolic links, whiteouts hide what is below, hard links are names of one file. The second time, each entry
/// that is still in the tree is copied where it comes. So memory is needed for names only: about 400 bytes for each
/// file that any layer leaves in the tree.
///
/// The archive begins with the directories, sorted by path; the other entries follow in the order of the layers. A file of
/// several names comes with the first, and the others right after it as hard links. So who unpacks it must set the
/// directories' times in the end, as the runtimes do and GNU tar with `--delay-directory-restore`.
public final class LayerSquash {
  public struct Layer {
    /// What the image's config says that the uncompressed layer is; nil if nothing says it.
    let diffID: Digest?
    let open: () throws -> any BlobReader

    /// - Parameter open: gives the layer, compressed or not, from its start; is called twice.
    public init(diffID: Digest?, open: @escaping () throws -> any BlobReader) {
      self.diffID = diffID
      self.open = open
    }
  }

  public struct Limits: Sendable, Hashable {
    /// Of the layers together, uncompressed.
    public var bytes: Int64 = 64 << 30
    /// Of the layers together, with directories that no entry describes. The default of a million, twice what the
    /// largest images have, takes some 400 MiB.
    public var entries = 1_000_000
    /// Bytes of names, links' targets and directories' attributes.
    public var names = 256 << 20

    public init() {}

    var unpacking: UnpackLimits {
      var unpacking = UnpackLimits()
      unpacking.bytes = bytes
      unpacking.entries = entries
      return unpacking
    }
  }

  /// What was read, and what was left out.
  public internal(set) var report = UnpackReport()
  let limits: Limits
  let root = SquashDirectory(LayerSquash.implicitDirectory, depth: 0)
  var resolver: PathResolver<SquashDirectory>
  /// Paths of entries that were left out: hard links to them are too.
  var skipped: Set<RawPath> = []
  let budget: UnpackBudget
  var nameBytes = 0
  private var layers: [(layer: Layer, diffID: Digest)] = []

  /// Root's, with the time 0, as an unpacked image has them.
  static let implicitDirectory = TarEntry(path: "", kind: .directory, mode: 0o755)

  /// Reads the layers for the first time.
  /// - Parameter layers: from the first to the last.
  /// - Throws: `ArchiveError`, and what opening and reading the layers throws.
  public init(_ layers: [Layer], limits: Limits = Limits()) throws {
    self.limits = limits
    budget = UnpackBudget(limits.unpacking)
    resolver = PathResolver(root: root)
    for (index, layer) in layers.enumerated() {
      let algorithm = layer.diffID?.algorithm ?? .sha256
      let archive = try HashedArchive(layer.open(), algorithm: algorithm, within: budget)
      defer { archive.stop() }
      try survey(archive.entries, of: Int32(index))
      let diffID = try archive.finish()
      if let expected = layer.diffID, diffID != expected {
        throw ArchiveError.wrongDiffID(expected: expected, actual: diffID)
      }
      report.bytes += archive.byteCount
      report.layers += 1
      self.layers.append((layer, diffID))
    }
  }

  /// Whether there is a directory at the path, which is walked through symbolic links but for its last name.
  /// - Returns: nil if there is nothing.
  /// - Throws: `ArchiveError.refused` for a path through something that is no directory.
  public func isDirectory(_ path: RawPath) throws -> Bool? {
    guard let (parent, name) = path.splitNormalized() else { return true }
    guard let place = try resolver.directory(parent, for: path)?.directory[name] else { return nil }
    if case .directory = place.node { return true }
    return false
  }

  /// Adds a symbolic link of root's where there is nothing, and the directories that it is in.
  /// - Throws: `ArchiveError`
  public func addLink(_ path: RawPath, to target: RawPath) throws {
    guard try isDirectory(path) == nil, let (parentPath, name) = path.splitNormalized(),
      let parent = try resolver.directory(
        parentPath, for: path, making: { try self.makeImplicitDirectory($0, in: $1) })
    else { return }
    parent.directory[name] = SquashDirectory.Place(
      node: .other(SquashFile(.added, linkTarget: target)), layer: nil)
  }

  /// Reads the layers for the second time and writes the archive, which is not finished: more may follow.
  /// - Parameter prefix: of the entries' paths, without slashes around it, such as `rootfs`; empty for none, where the
  ///   root's entry is `./`.
  /// - Throws: `ArchiveError`, and what opening and reading the layers and the writer's sink throw.
  public func write(to writer: TarWriter, prefix: RawPath = "") throws {
    let budget = UnpackBudget(limits.unpacking)
    let plan = try SquashPlan(root, layerCount: layers.count, prefix: prefix)
    for entry in plan.directories + plan.addedLinks { try writer.add(entry) }
    for (index, (layer, diffID)) in layers.enumerated() where !plan.layers[index].isEmpty {
      let archive = try HashedArchive(layer.open(), algorithm: diffID.algorithm, within: budget)
      defer { archive.stop() }
      try Self.copy(plan.layers[index], from: archive.entries, to: writer)
      let actual = try archive.finish()
      guard actual == diffID else { throw ArchiveError.wrongDiffID(expected: diffID, actual: actual) }
    }
  }

  /// - Parameter wanted: sorted, so that all names of an entry follow each other.
  private static func copy(
    _ wanted: [SquashPlan.Taken], from archive: TarReader, to writer: TarWriter
  ) throws {
    var wanted = wanted[...]
    var index: Int32 = 0
    while let next = wanted.first, var entry = try archive.next() {
      defer { index += 1 }
      guard index == next.entry else { continue }
      wanted.removeFirst()
      entry.path = next.path
      entry.extendedAttributes = entry.extendedAttributes.filter {
        TarEntry.reasonToLeaveOut(attribute: $0.key) == nil
      }
      try writer.add(entry, dataFrom: archive)
      while let other = wanted.first, other.entry == index {
        wanted.removeFirst()
        var link = entry
        link.path = other.path
        link.kind = .hardLink(target: next.path)
        link.extendedAttributes = [:]
        link.regions = nil
        try writer.add(link)
      }
    }
  }
}
