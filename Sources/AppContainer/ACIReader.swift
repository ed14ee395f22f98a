import Archive
import ContainerImage
import ImageTransfer

/// Reads an App Container Image: a tar archive with the file `manifest` and the directory `rootfs` and nothing else,
/// uncompressed or compressed with gzip, bzip2 or xz (appc 0.8.11, aci.md, "Image Archives").
///
/// ```swift
/// let image = try ACIReader(blob)
/// while let entry = try image.next() { … }  // the root file system's entries
/// let (manifest, id) = try image.finish()
/// ```
///
/// The manifest may come last, as docker2aci has it. Names are never used as paths: those that lead out of
/// `rootfs`, or are there twice, are refused.
public final class ACIReader {
  public struct Limits: Sendable, Hashable {
    /// Of the archive, uncompressed.
    public var bytes: Int64 = 64 << 30
    /// A million takes some 150 MiB of memory, for none may be there twice.
    public var entries = 1_000_000
    /// Bytes of the entries' paths and of the targets of hard links, together.
    public var names = 256 << 20
    /// Bytes of the manifest.
    public var manifest = 16 << 20

    public init() {}
  }

  /// What an image says and is.
  public struct Summary: Sendable, Hashable {
    public let manifest: AppContainerManifest
    /// The manifest as it is in the image.
    public let manifestBytes: [UInt8]
    public let imageID: ACIImageID
    public let compression: Compression
    /// Bytes of the uncompressed archive.
    public let size: Int64
  }

  private let archive: HashedArchive
  private let limits: Limits
  private var manifest: (parsed: AppContainerManifest, bytes: [UInt8])?
  private var hasRootFS = false
  private var paths: Set<RawPath> = []
  private var nameBytes = 0
  private var isAtEnd = false

  /// Reads the image's first bytes.
  /// - Throws: `AppContainerError.notAnImage`, `ArchiveError`, and what the blob's reader throws.
  public init(_ blob: any BlobReader, limits: Limits = Limits()) throws {
    self.limits = limits
    var unpacking = UnpackLimits()
    unpacking.bytes = limits.bytes
    unpacking.entries = limits.entries
    archive = try HashedArchive(blob, algorithm: .sha512, within: UnpackBudget(unpacking))
    switch archive.compression {
    case nil: throw AppContainerError.notAnImage(reason: "it is empty")
    case .zstd?:
      throw AppContainerError.notAnImage(
        reason: "it is compressed with zstd; the specification has gzip, bzip2 and xz: compress it anew")
    case .none?, .gzip?, .xz?, .bzip2?: break
    }
  }

  /// Goes on to the next entry of the root file system, the first of which is mostly the root itself.
  /// - Returns: the entry, with paths (its own, and a hard link's target) that begin at the root, without a slash; the root's is
  ///   `./`. nil at the end.
  /// - Throws: `AppContainerError`, `ArchiveError`, and what the blob's reader throws.
  public func next() throws -> TarEntry? {
    while !isAtEnd, let entry = try archive.entries.next() {
      switch try ImagePath(entry.path) {
      case .archiveRoot: continue
      case .manifest: try readManifest(entry)
      case .rootFS(let path): return try rootFSEntry(entry, path)
      }
    }
    isAtEnd = true
    return nil
  }

  /// The data of the entry that `next` gave.
  public var entryData: TarReader { archive.entries }

  /// Reads what is left, and checks that all is there.
  /// - Throws: as `next`.
  public func finish() throws -> Summary {
    while try next() != nil {}
    let digest = try archive.finish()
    guard let manifest else { throw AppContainerError.notAnImage(reason: "it has no file \"manifest\"") }
    guard hasRootFS else { throw AppContainerError.notAnImage(reason: "it has no directory \"rootfs\"") }
    guard let imageID = ACIImageID(digest), let compression = archive.compression else {
      throw AppContainerError.notAnImage(reason: "it is empty")
    }
    return Summary(
      manifest: manifest.parsed, manifestBytes: manifest.bytes, imageID: imageID, compression: compression,
      size: archive.byteCount)
  }

  /// Reads an image to its end: what it is, if it is valid.
  /// - Throws: as `next`.
  public static func summary(of blob: any BlobReader, limits: Limits = Limits()) throws -> Summary {
    try ACIReader(blob, limits: limits).finish()
  }

  private func readManifest(_ entry: TarEntry) throws {
    guard manifest == nil else {
      throw AppContainerError.notAnImage(reason: "it has the file \"manifest\" twice")
    }
    guard entry.kind == .file else {
      throw AppContainerError.notAnImage(reason: "its \"manifest\" is no regular file")
    }
    guard entry.size <= limits.manifest else {
      throw AppContainerError.notAnImage(
        reason: "its manifest has \(entry.size) bytes, more than the limit of \(limits.manifest)")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(entry.size))
    try archive.entries.forEachPiece { bytes += $0 }
    manifest = (try AppContainerManifest(parsing: bytes), bytes)
  }

  private func rootFSEntry(_ entry: TarEntry, _ path: RawPath) throws -> TarEntry {
    var entry = entry
    guard paths.insert(path).inserted else {
      throw AppContainerError.notAnImage(reason: "it has the entry \(name(of: entry)) twice")
    }
    nameBytes += path.bytes.count
    if case .hardLink(let target) = entry.kind { nameBytes += target.bytes.count }
    guard nameBytes <= limits.names else {
      throw ArchiveError.tooLarge(
        reason:
          "the names of the image's files have more than \(limits.names) bytes: raise the limit if you trust it"
      )
    }
    if path.isEmpty {
      guard entry.kind == .directory else {
        throw AppContainerError.notAnImage(reason: "its \"rootfs\" is no directory")
      }
      hasRootFS = true
    }
    if case .hardLink(let target) = entry.kind {
      guard case .rootFS(let inner)? = try? ImagePath(target), !inner.isEmpty else {
        throw AppContainerError.notAnImage(
          reason:
            "its entry \(name(of: entry)) is a hard link to \(target.description.quotedForMessage), which is "
            + "not in \"rootfs\"")
      }
      entry.kind = .hardLink(target: inner)
    }
    entry.path = path.isEmpty ? "./" : path
    return entry
  }

  private func name(of entry: TarEntry) -> String { entry.path.description.quotedForMessage }
}

/// Where an entry of an image belongs.
private enum ImagePath {
  case archiveRoot
  case manifest
  /// The path from the root file system's root on; empty for the root itself.
  case rootFS(RawPath)

  /// - Throws: `AppContainerError.notAnImage` for a name that no image may have.
  init(_ path: RawPath) throws(AppContainerError) {
    let components = path.components
    guard !path.isAbsolute, !components.contains("..") else {
      throw .notAnImage(
        reason:
          "the name \(path.description.quotedForMessage) leads out of it: names must not begin with \"/\" or "
          + "have \"..\"")
    }
    switch components.first {
    case nil: self = .archiveRoot
    case "manifest" where components.count == 1: self = .manifest
    case "rootfs": self = .rootFS(RawPath(joining: components.dropFirst()))
    default:
      throw .notAnImage(
        reason: "it has \(path.description.quotedForMessage), where only \"manifest\" and \"rootfs\" may be")
    }
  }
}
