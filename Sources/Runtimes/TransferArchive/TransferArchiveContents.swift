import ContainerImage
import ImageTransfer

/// What goes into a transfer archive: images with their names, each manifest and blob once, without the blobs that the other
/// side has.
public struct TransferArchiveContents: Sendable {
  public struct Image: Sendable {
    /// As the archive has it, see `TransferArchive.name(of:root:)`.
    public let name: ImageReference
    let plan: CopyPlan
    let source: any ImageSource

    public var root: Descriptor { plan.root.descriptor }

    /// - Parameters:
    ///   - reference: of the image, with the registry that it comes from.
    ///   - plan: made of `source`.
    public init(_ reference: ImageReference, _ plan: CopyPlan, of source: any ImageSource) {
      name = TransferArchive.name(of: reference, root: plan.root.digest)
      self.plan = plan
      self.source = source
    }
  }

  /// By their names.
  public let images: [Image]
  /// By their digests, as are the blobs.
  let manifests: [ManifestDocument]
  let blobs: [(descriptor: Descriptor, source: any ImageSource)]
  public let omitted: [OmittedBlob]
  /// The bytes of `index.json`.
  let index: [UInt8]
  /// Bytes of the blobs that are in it.
  public let bytes: Int64
  /// Bytes of those that are not.
  public let omittedBytes: Int64

  public var manifestCount: Int { manifests.count }
  public var blobCount: Int { blobs.count }

  /// Bytes; nothing that is used has as many, and their sum is still a number.
  private static let largestBlob: Int64 = 1 << 48

  /// - Parameter known: what the other side has.
  /// - Throws: `TransferError` if two images have the same name, or the archive would be one that cannot be read.
  public init(_ images: [Image], without known: BlobInventory = BlobInventory()) throws {
    self.images = try Self.sorted(images)
    var documents: [Digest: ManifestDocument] = [:]
    for document in images.flatMap(\.plan.manifests) { documents[document.digest] = document }
    var found: [Digest: (descriptor: Descriptor, source: any ImageSource)] = [:]
    for image in images {
      for blob in image.plan.blobs where documents[blob.digest] == nil && found[blob.digest] == nil {
        guard blob.size <= Self.largestBlob else {
          throw TransferError.notAnImage(
            "\(image.name): the blob \(blob.digest) cannot have \(blob.size) bytes")
        }
        found[blob.digest] = (blob, image.source)
      }
    }
    manifests = documents.values.sorted { $0.digest.description < $1.digest.description }
    let all = found.values.sorted { $0.descriptor.digest.description < $1.descriptor.digest.description }
    omitted = all.compactMap { blob, _ in
      let repositories = known.repositories(having: blob.digest)
      return repositories.isEmpty ? nil : OmittedBlob(blob, in: repositories)
    }
    let left = Set(omitted.map(\.digest))
    blobs = all.filter { !left.contains($0.descriptor.digest) }
    (bytes, omittedBytes) = (try Self.sum(blobs.map(\.descriptor.size)), try Self.sum(omitted.map(\.size)))
    let list = try omitted.isEmpty ? 0 : OmittedBlobsFile(omitted).bytes.count
    guard list <= OmittedBlobsFile.largest else {
      throw TransferError.failed(
        "an archive that leaves out \(omitted.count) blobs would have a list of them of more than "
          + "\(OmittedBlobsFile.largest) bytes: make several archives")
    }
    index = try Self.index(self.images, manifests)
    guard index.count <= TransferArchive.largestIndex else {
      throw TransferError.failed(
        "an archive of \(images.count) images would have an index of more than \(TransferArchive.largestIndex) bytes: "
          + "make several archives")
    }
  }

  /// What the other side has of these images when it has imported the archive.
  public var inventory: BlobInventory {
    var inventory = BlobInventory()
    for image in images {
      let repository = QualifiedRepository(of: image.name)
      for document in image.plan.manifests { inventory.add(document.digest, in: repository) }
      for blob in image.plan.blobs { inventory.add(blob.digest, in: repository) }
    }
    return inventory
  }

  private static func sorted(_ images: [Image]) throws(TransferError) -> [Image] {
    var byName: [String: Image] = [:]
    for image in images {
      let name = image.name.description
      if let other = byName[name], other.root.digest != image.root.digest {
        throw .failed(
          "\(name) would be two images, \(other.root.digest) and \(image.root.digest): archive one of them")
      }
      byName[name] = image
    }
    return byName.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func sum(_ sizes: [Int64]) throws(TransferError) -> Int64 {
    var sum: Int64 = 0
    for size in sizes {
      let (next, overflow) = sum.addingReportingOverflow(size)
      guard !overflow else {
        throw .notAnImage("the images' blobs say that they have more bytes than there are")
      }
      sum = next
    }
    return sum
  }

  /// The images by their names, then what refers to them, which is found by its subject.
  private static func index(_ images: [Image], _ manifests: [ManifestDocument]) throws -> [UInt8] {
    var entries: [Descriptor] = []
    for image in images {
      var entry = image.root
      let name = image.name.description
      // Both names: of image-spec, and of containerd for its whole reference.
      entry.annotations = [OCILayout.nameAnnotation: name, OCILayout.containerdAnnotation: name]
      entries.append(entry)
    }
    let roots = Set(images.map(\.root.digest))
    for document in manifests where !roots.contains(document.digest) {
      let manifest = try document.manifest()
      guard manifest.subject != nil else { continue }
      var entry = document.descriptor
      entry.artifactType = manifest.artifactType
      entries.append(entry)
    }
    return try ImageIndex(manifests: entries).bytes
  }
}
