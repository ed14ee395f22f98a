import ContainerImage
import Logging
import NIOCore
import NIOPosix

/// Blobs and metadata together, with the rules that tie them: a row names a blob only after its bytes are on
/// disk, and bytes go only after no row names them.
///
/// Work on the bytes of one digest (storing, removing, quarantining) is done under that digest's lock; there
/// is no other lock, so that pushes, pulls and collection go on side by side.
public final class ContentStore: Sendable {
  public let metadata: MetadataStore
  public let blobs: BlobStore
  public let directory: DataDirectory
  let logger: Logger
  let uploads = UploadTable()
  let digestLocks = KeyedLock<Digest>()
  private let pool: NIOThreadPool

  /// Enough for several disks' queues; each thread that reads metadata keeps a connection.
  private static let threads = 8

  /// Takes the data directory at `path`, creates what it lacks, and removes what a crash left of uploads.
  /// Blocks on the disk.
  public init(path: String, logger: Logger) throws(StorageError) {
    directory = try DataDirectory(path)
    metadata = try MetadataStore(directory)
    blobs = BlobStore(directory)
    self.logger = logger
    pool = NIOThreadPool(numberOfThreads: Self.threads)
    pool.start()
    try removeUnknownUploads()
  }

  deinit { pool.shutdownGracefully { _ in } }

  /// Runs work that blocks on the disk, on a thread where that does no harm. It runs in a cancelled task too:
  /// cleaning up after a request that was broken off is such work.
  public func blocking<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      pool.submit { state in
        switch state {
        case .active: continuation.resume(with: Result(catching: body))
        case .cancelled: continuation.resume(throwing: CancellationError())
        }
      }
    }
  }

  /// Opens a blob that `repository` links, for a thread that may block briefly.
  /// - Returns: nil if the repository does not link it, or its bytes went away this very moment.
  public func openBlob(_ digest: Digest, in repository: RepositoryName) throws(StorageError) -> StoredBlob? {
    guard let record = try metadata.blob(digest, in: repository), let descriptor = try blobs.open(digest)
    else {
      return nil
    }
    return StoredBlob(digest: digest, size: record.size, descriptor: descriptor)
  }

  /// Whether files and database can be read; blocks briefly.
  public func check() throws(StorageError) {
    try metadata.check()
    _ = try FileSystem.names(in: directory.uploads)
  }

  /// Files of uploads that no row knows: single requests that a crash cut off, before anything was promised.
  private func removeUnknownUploads() throws(StorageError) {
    let known = Set(try metadata.uploads().map(\.id.description))
    var removed = 0
    for name in try FileSystem.names(in: directory.uploads) where !known.contains(name) {
      try FileSystem.remove(directory.uploads + "/" + name)
      removed += 1
    }
    if removed > 0 {
      logger.notice("removed unfinished uploads of an earlier run", metadata: ["files": "\(removed)"])
    }
    if !known.isEmpty { logger.info("upload sessions go on", metadata: ["sessions": "\(known.count)"]) }
  }
}

/// An open blob. The receiver owns the descriptor and closes it.
public struct StoredBlob: Sendable {
  public let digest: Digest
  /// Bytes.
  public let size: Int64
  public let descriptor: CInt
}
