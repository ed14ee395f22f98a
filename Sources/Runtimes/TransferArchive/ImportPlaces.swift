import ContainerImage
import ImageTransfer
import Synchronization

/// Where a registry may have the blobs of an archive's images: in the repositories that inventories named, and in those that
/// this import has filled. From there it can take them into another repository without their being sent.
public final class ImportPlaces: Sendable {
  private let archive: TransferArchive
  private let target: RegistryPrefix
  private let brought = Mutex<[Digest: QualifiedRepository]>([:])

  /// - Parameter target: where the images go, or the registry alone.
  public init(of archive: TransferArchive, at target: RegistryPrefix) {
    self.archive = archive
    self.target = target
  }

  /// An image of the archive as a source for an import to there.
  public func source(named name: String?) -> TransferArchiveSource {
    TransferArchiveSource(archive, named: name) { [self] in places(of: $0) }
  }

  /// The most likely first.
  private func places(of blob: Descriptor) -> [QualifiedRepository] {
    let known = archive.omitted[blob.digest]?.repositories ?? []
    let first = brought.withLock { $0[blob.digest] }.map { [$0] } ?? []
    var seen: Set<QualifiedRepository> = []
    return (first + known.flatMap(target.places)).filter { seen.insert($0).inserted }
  }

  /// With what the archive lacks first, before anything else is begun: an image that cannot be completed costs nothing.
  public func ordered(_ plan: CopyPlan) -> CopyPlan {
    var plan = plan
    let isMissing = { [archive] (blob: Descriptor) in archive.omitted[blob.digest] != nil }
    let missing = plan.blobs.filter(isMissing)
    plan.blobs = missing + plan.blobs.filter { !isMissing($0) }
    plan.firstBlobs = missing.count
    return plan
  }

  /// An image is there, whole.
  public func add(_ plan: CopyPlan, in repository: QualifiedRepository) {
    brought.withLock { brought in
      for blob in plan.blobs where brought[blob.digest] == nil { brought[blob.digest] = repository }
    }
  }
}
