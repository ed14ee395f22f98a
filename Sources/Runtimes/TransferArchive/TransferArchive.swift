import Archive
import ContainerImage
import ImageTransfer
import Synchronization

/// `archive:FILE`: an uncompressed tar archive that is an OCI image layout (image-spec, image-layout.md) of any number of
/// images with what refers to them.
///
/// Its headers are read once; blobs are read where they are, and nothing is unpacked. What it has comes from outside: only the
/// names of a layout are looked at, none is used as a path, and content is verified against its digest. It can be used
/// by several threads at once.
public final class TransferArchive: Sendable {
  /// What messages call it.
  let shown: String
  /// What its index lists, in the index's order.
  let entries: [Descriptor]
  private let named: [String: Descriptor]
  /// Blobs that its images need and it has not, because the other side has them.
  public let omitted: [Digest: OmittedBlob]

  private let file: OpenFile
  private let extents: [Digest: Extent]
  private let referrers = Mutex<[Digest: [Descriptor]]?>(nil)

  /// Bytes of `index.json`.
  static let largestIndex = 16 << 20
  /// Bytes of a manifest.
  static let largestManifest = 16 << 20

  /// - Parameter limits: of the entries that it may have.
  /// - Throws: `TransferError.notFound`; `.notAnImage` if it is no such archive, or not all of one
  public init(file path: String, limits: UnpackLimits = UnpackLimits()) throws {
    shown = "archive:\(path)"
    file = try OpenFile(reading: path)
    let contents = try TransferArchiveScan(file, limits)
    extents = contents.blobs
    entries = try contents.index()
    let names = entries.compactMap { entry in entry.annotations?[OCILayout.nameAnnotation].map { ($0, entry) }
    }
    named = Dictionary(names) { $1 }
    omitted = try contents.omitted()
  }

  /// The images that have names, in the index's order.
  public var names: [String] { entries.compactMap { $0.annotations?[OCILayout.nameAnnotation] } }

  /// The image of a name, which may leave out what a reference to an image may, or of a digest; of an archive with one image
  /// that one.
  /// - Throws: `TransferError.notFound` with the names that there are; `.wrongContent` if the name says another digest
  public func entry(named name: String?) throws(TransferError) -> Descriptor {
    guard let name else {
      let candidates = entries.filter { $0.annotations?[OCILayout.nameAnnotation] != nil }
      return try OCILayout.entry(named: nil, in: candidates.isEmpty ? entries : candidates, of: shown)
    }
    if let found = named[name] { return found }
    if let image = try? ImageReference(parsing: name),
      let found = named[Self.name(of: image, root: nil).description]
    {
      if let digest = image.digest, digest != found.digest {
        throw .wrongContent(digest, reason: "in \(shown), the tag means \(found.digest)")
      }
      return found
    }
    return try OCILayout.entry(named: name, in: entries, of: shown)
  }

  /// What an image of a registry is called in an archive: by its tag if it has one, else by its digest.
  /// - Parameter root: the digest of what the archive has; nil for the reference's own.
  public static func name(of image: ImageReference, root: Digest?) -> ImageReference {
    let digest = image.tag == nil && image.digest != nil ? root ?? image.digest : nil
    return ImageReference(
      registry: image.registry, repository: image.repository,
      tag: image.tag ?? (digest == nil ? .latest : nil), digest: digest)
  }

  // MARK: Content

  /// - Parameter offset: of the first byte to read.
  /// - Returns: nil if the archive has no such blob.
  /// - Throws: `TransferError.wrongContent` for one of another size
  func blob(_ blob: Descriptor, from offset: Int64) throws(TransferError) -> (any BlobReader)? {
    guard let extent = extents[blob.digest] else { return nil }
    guard extent.size == blob.size else {
      throw .wrongContent(
        blob.digest, reason: "in \(shown), it has \(extent.size) bytes where its descriptor says \(blob.size)"
      )
    }
    return ArchivedBlobReader(file, extent, blob.digest, from: offset)
  }

  /// - Throws: `TransferError`
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    guard let extent = extents[descriptor.digest] else {
      throw TransferError.notFound("\(shown) lacks the manifest \(descriptor.digest)")
    }
    let reader = ArchivedBlobReader(file, extent, descriptor.digest, from: 0)
    let bytes = try reader.contents(
      atMost: Self.largestManifest, of: "the manifest \(descriptor.digest) in \(shown)")
    let type = descriptor.mediaType.isManifest ? descriptor.mediaType : nil
    return try ManifestDocument(bytes, mediaType: type, expecting: descriptor.digest)
  }

  /// Those that the index lists with this subject.
  /// - Throws: `TransferError`
  func referrers(of digest: Digest) throws -> [Descriptor] {
    if let known = referrers.withLock({ $0 }) { return known[digest] ?? [] }
    var found: [Digest: [Descriptor]] = [:]
    var seen: Set<Digest> = []
    for var entry in entries where entry.mediaType.isManifest && seen.insert(entry.digest).inserted {
      guard let subject = try manifest(entry).manifest().subject?.digest, subject != entry.digest else {
        continue
      }
      entry.annotations = nil
      found[subject, default: []].append(entry)
    }
    referrers.withLock { [found] in $0 = found }
    return found[digest] ?? []
  }

  /// What the other side has when it has imported the archive, with what the archive says that it had before.
  /// - Throws: `TransferError`
  public func inventory() throws -> BlobInventory {
    var inventory = BlobInventory()
    for blob in omitted.values {
      for repository in blob.repositories { inventory.add(blob.digest, in: repository) }
    }
    var options = ImageCopier.Options()
    options.includesReferrers = true
    for name in names {
      guard let image = try? ImageReference(parsing: name), image.description == name else { continue }
      let repository = QualifiedRepository(of: image)
      let plan = try CopyPlan(of: TransferArchiveSource(self, named: name), options)
      for digest in plan.manifests.map(\.digest) + plan.blobs.map(\.digest) {
        inventory.add(digest, in: repository)
      }
    }
    return inventory
  }
}
