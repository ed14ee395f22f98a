import ContainerImage
import ImageTransfer
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A destination of one of several copies that go on at the same time: a blob that another one brings is waited for, and not brought
/// twice.
struct SharedDestination: ImageDestination {
  private let destination: any ImageDestination
  private let blobs: BlobsUnderWay
  private let repository: RepositoryName

  init(_ destination: any ImageDestination, of blobs: BlobsUnderWay, in repository: RepositoryName) {
    self.destination = destination
    self.blobs = blobs
    self.repository = repository
  }

  var takesIndexes: Bool { destination.takesIndexes }
  var needsAllBlobs: Bool { destination.needsAllBlobs }
  var mayLackBlobs: Bool { destination.mayLackBlobs }

  func manifest(_ digest: Digest) throws -> ManifestDocument? { try destination.manifest(digest) }

  /// While another copy brings it this waits, so that it is told apart from what has to be sent.
  func has(_ blob: Descriptor) throws -> Bool {
    if try blobs.begin(blob.digest, in: repository, unless: { try destination.has(blob) }) { return false }
    return true
  }

  func put(_ blob: Descriptor, from source: BlobContent) throws {
    defer { blobs.end(blob.digest, in: repository) }
    try destination.put(blob, from: source)
  }

  func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    try destination.put(manifest, isRoot: isRoot)
  }

  func finish() throws { try destination.finish() }
  func abandon() { destination.abandon() }
}

/// Which blobs are being brought, by all copies of a run.
///
/// Sendable by a lock: threads wait for one another, so it is one with a condition.
final class BlobsUnderWay: @unchecked Sendable {
  private struct Blob: Hashable {
    let digest: Digest
    let repository: RepositoryName
  }

  // Used under `mutex` alone.
  private var underWay: Set<Blob> = []
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Waits until nobody brings the blob.
  /// - Parameter isThere: asked then.
  /// - Returns: whether it is for the caller to bring it now, and to call `end`.
  func begin(
    _ digest: Digest, in repository: RepositoryName, unless isThere: () throws -> Bool
  ) throws -> Bool {
    let blob = Blob(digest: digest, repository: repository)
    pthread_mutex_lock(mutex)
    while underWay.contains(blob) { pthread_cond_wait(condition, mutex) }
    underWay.insert(blob)
    pthread_mutex_unlock(mutex)
    do {
      if try !isThere() { return true }
      end(digest, in: repository)
      return false
    } catch {
      end(digest, in: repository)
      throw error
    }
  }

  func end(_ digest: Digest, in repository: RepositoryName) {
    pthread_mutex_lock(mutex)
    underWay.remove(Blob(digest: digest, repository: repository))
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
