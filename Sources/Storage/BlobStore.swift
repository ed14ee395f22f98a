import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Blobs as files named by their digest. Knows no repositories and no database: who may read what, and what
/// may be removed, is decided by its callers. Every function blocks on the disk.
public struct BlobStore: Sendable {
  private let directory: DataDirectory

  public init(_ directory: DataDirectory) {
    self.directory = directory
  }

  /// Opens a blob for reading.
  /// - Returns: the descriptor, owned by the caller; nil if there is no such file.
  public func open(_ digest: Digest) throws(StorageError) -> CInt? {
    try FileSystem.openIfPresent(path(of: digest))
  }

  /// Bytes on disk, nil if there is no such file.
  public func size(of digest: Digest) throws(StorageError) -> Int64? {
    try FileSystem.status(path(of: digest))?.size
  }

  /// Takes a finished upload as the blob `digest`: durable when it returns. The caller has made sure that the
  /// content has that digest, and holds the digest's lock.
  ///
  /// The file's data is synced before the rename and the directory after it: a name in `blobs/` never stands
  /// for content that is not on disk, and a blob that was acknowledged keeps its name after a power cut.
  func adopt(_ upload: UploadFile, as digest: Digest) throws(StorageError) {
    try upload.sync()
    try FileSystem.rename(upload.path, to: path(of: digest))
    // Not before the rename: a session that a crash leaves in between must be able to go on.
    try upload.makeReadOnly()
    try FileSystem.syncDirectory(parent(of: digest))
  }

  /// Removes the file. The caller holds the digest's lock and has removed its row before.
  func remove(_ digest: Digest) throws(StorageError) {
    try FileSystem.remove(path(of: digest))
  }

  /// Moves a damaged file out of the way, where it can be looked at.
  /// - Returns: where it is now.
  func quarantine(_ digest: Digest) throws(StorageError) -> String {
    let target = "\(directory.quarantine)/\(digest.algorithm.rawValue)-\(digest.encoded)"
    try FileSystem.rename(path(of: digest), to: target)
    try FileSystem.syncDirectory(directory.quarantine)
    try FileSystem.syncDirectory(parent(of: digest))
    return target
  }

  /// The directories that hold blobs, for a sweep that takes one at a time.
  func shards() throws(StorageError) -> [(algorithm: DigestAlgorithm, name: String)] {
    var shards: [(DigestAlgorithm, String)] = []
    for algorithm in DigestAlgorithm.allCases {
      for name in try FileSystem.names(in: "\(directory.blobs)/\(algorithm.rawValue)").sorted() {
        shards.append((algorithm, name))
      }
    }
    return shards
  }

  /// The blobs in one shard; files that are no blobs are left alone.
  func digests(in shard: (algorithm: DigestAlgorithm, name: String)) throws(StorageError) -> [Digest] {
    try FileSystem.names(in: "\(directory.blobs)/\(shard.algorithm.rawValue)/\(shard.name)").compactMap {
      try? Digest(parsing: "\(shard.algorithm.rawValue):\($0)")
    }
  }

  private func parent(of digest: Digest) -> String {
    "\(directory.blobs)/\(digest.algorithm.rawValue)/\(digest.encoded.prefix(2))"
  }

  private func path(of digest: Digest) -> String {
    "\(parent(of: digest))/\(digest.encoded)"
  }
}
