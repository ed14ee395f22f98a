import Archive
import ContainerImage

/// Writes an App Container Image: the manifest, then the root file system (appc 0.8.11, aci.md, "Image Archives"). The same
/// manifest and entries, in the same order, give the same bytes: the manifest's entry has the time 0, the others have
/// their own, and a gzip header has neither time nor name.
///
/// ```swift
/// let writer = try ACIWriter(manifest, to: sink)
/// try squash.write(to: writer.rootFS, prefix: ACIWriter.rootFSPrefix)
/// let image = try writer.finish()
/// ```
public final class ACIWriter {
  /// What paths of the root file system's entries, and of hard links' targets, begin with.
  public static let rootFSPrefix: RawPath = "rootfs"

  /// Where the entries of the root file system go, with `rootFSPrefix`: first `rootfs/` itself, then a directory always
  /// before what is in it. `FlattenedTar` and `LayerSquash` write such.
  public let rootFS: TarWriter
  private let hash: Hash

  /// Of the uncompressed archive.
  private final class Hash {
    private var hasher = ContentHasher(.sha512)
    private(set) var count: Int64 = 0

    func update(_ bytes: UnsafeRawBufferPointer) {
      hasher.update(bytes)
      count += Int64(bytes.count)
    }

    var digest: Digest { hasher.digest() }
  }

  private let compressor: CompressingWriter

  /// Writes the manifest.
  /// - Parameters:
  ///   - compression: gzip, bzip2, xz or none.
  ///   - level: as the format has it; nil for its usual one.
  /// - Throws: `AppContainerError`, `ArchiveError`, and what the sink throws.
  public init(
    _ manifest: AppContainerManifest, compression: Compression = .gzip, level: Int? = nil, to sink: ByteSink
  ) throws {
    guard compression != .zstd else {
      throw AppContainerError.notAnImage(reason: "the specification has no zstd: use gzip, bzip2 or xz")
    }
    let compressor = try CompressingWriter(compression, level: level, to: sink)
    let hash = Hash()
    self.compressor = compressor
    self.hash = hash
    rootFS = try TarWriter(
      to: ByteSink { bytes in
        hash.update(bytes)
        try compressor.write(bytes)
      })
    let entry = TarEntry(path: "manifest", kind: .file, mode: 0o644)
    try rootFS.add(entry, data: manifest.encoded())
  }

  /// Ends the image. All bytes are with the sink when this returns.
  /// - Returns: its ID, and how many bytes the uncompressed archive has.
  public func finish() throws -> (imageID: ACIImageID, size: Int64) {
    try rootFS.finish()
    try compressor.finish()
    guard let imageID = ACIImageID(hash.digest) else {
      throw AppContainerError.notAnImage(reason: "it is empty")
    }
    return (imageID, hash.count)
  }
}
