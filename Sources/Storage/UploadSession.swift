import ContainerImage
import NIOCore

/// One request's work on an upload session. While it lasts other requests for the session wait. It ends exactly
/// once: kept for more, finished, or cancelled; when it is dropped on an error the session is kept as it is.
public struct UploadSession: ~Copyable, Sendable {
  public let repository: RepositoryName
  private let store: ContentStore
  private let hold: UploadTable.CheckedOut
  private let file: UploadFile
  /// Whether the database knows the session: not if it lives within one request.
  private let isRecorded: Bool

  fileprivate init(
    repository: RepositoryName, store: ContentStore, hold: UploadTable.CheckedOut, file: UploadFile,
    isRecorded: Bool
  ) {
    self.repository = repository
    self.store = store
    self.hold = hold
    self.file = file
    self.isRecorded = isRecorded
  }

  public var id: UploadID { hold.id }

  /// Bytes received so far.
  public var size: Int64 { file.size }

  /// The file that has them, for whoever has to look at the content before it is stored.
  public var path: String { file.path }

  /// So many pieces are appended before other uploads get the thread.
  private static let mostAtOnce = 32

  /// Appends to the content. A failure of the disk ends the session, and frees what it took.
  /// - Parameter more: what can be appended right afterwards, on the same thread; nil when that is all for now.
  /// - Throws: `StorageError`
  public func append(
    _ buffer: ByteBuffer, then more: @escaping @Sendable () -> ByteBuffer? = { nil }
  ) async throws {
    let file = file
    try await orCancel {
      try await store.blocking {
        try file.append(buffer)
        for _ in 1..<Self.mostAtOnce {
          guard let next = more() else { return }
          try file.append(next)
        }
      }
    }
  }

  /// Appends content that is made here, on a thread of its own, for that may take long. Whatever fails ends the session.
  /// - Parameter body: gives its pieces to the function that it gets.
  public func append<Value: Sendable>(
    making body: @escaping @Sendable (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Value
  ) async throws -> Value {
    let file = file
    return try await orCancel { try await onThreadOfItsOwn { try body { try file.append($0) } } }
  }

  /// Appends content that comes from elsewhere, on a thread of its own; another one hashes it, so that what comes waits for the page
  /// cache at most. Whatever fails ends the session.
  /// - Parameter body: has the next piece appended by giving what fills a buffer, and returns how many bytes at its start count. They are
  ///   in the file when `next` returns their number.
  public func append<Value: Sendable>(
    filling body:
      @escaping @Sendable (_ next: ((UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int) throws ->
      Value
  ) async throws -> Value {
    let file = file
    return try await orCancel { try await onThreadOfItsOwn { try file.append(filling: body) } }
  }

  /// Stores the content as a blob, whatever it is: as `finish(as:within:)`.
  public consuming func finish(within limits: [StorageLimit]) async throws -> (digest: Digest, size: Int64) {
    let digest = try await digest(.sha256)
    return (digest, try await finish(as: digest, within: limits))
  }

  /// Of what has come so far. A failure of the disk ends the session.
  public func digest(_ algorithm: DigestAlgorithm) async throws -> Digest {
    let file = file
    return try await orCancel { try await store.blocking { try file.digest(algorithm) } }
  }

  /// Ends this request's work: the session goes on with all that was received, even after a power cut.
  /// - Returns: bytes received so far.
  public consuming func keep() async throws -> Int64 {
    let file = file
    try await orCancel { try await store.blocking { try file.syncWithName() } }
    return file.size
  }

  /// Stores the content as a blob of the session's repository, durably, and ends the session.
  /// - Parameter limits: what the repository may hold with it.
  /// - Throws: `DigestMismatch` if the content is another; the session is cancelled then. `StorageLimitExceeded`, `StorageError`
  /// - Returns: the blob's size in bytes.
  public consuming func finish(as digest: Digest, within limits: [StorageLimit] = []) async throws -> Int64 {
    let (store, file, repository) = (store, file, repository)
    let session = isRecorded ? id : nil
    let actual = try await self.digest(digest.algorithm)
    guard actual == digest else {
      await end()
      throw DigestMismatch(expected: digest, actual: actual)
    }
    try await orCancel {
      try await store.digestLocks.withLock(digest) {
        try await store.store(file, as: digest, in: repository, endingUpload: session, within: limits)
      }
    }
    hold.file = nil
    return file.size
  }

  /// Ends the session; its content goes.
  public consuming func cancel() async {
    await end()
  }

  private func end() async {
    let (store, file) = (store, file)
    hold.file = nil
    do {
      try await store.blocking { try file.remove() }
      if isRecorded { try await store.metadata.endUpload(id) }
    } catch {
      // The row or the file stays; both go when the session expires.
      store.logger.warning(
        "cannot end an upload session", metadata: ["upload": "\(id)", "error": "\(error)"])
    }
  }

  /// After a failed write or sync nobody knows what is on disk, and a second sync may pass wrongly: the
  /// session must not go on.
  private func orCancel<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch {
      await end()
      throw error
    }
  }
}

extension Error {
  /// Whether a write that failed by it cannot come to life again.
  fileprivate var isBeforeTheCommit: Bool {
    if self is StorageLimitExceeded { return true }
    if case .full? = self as? StorageError { return true }
    return false
  }
}

/// The content of an upload has not the digest that the client named.
public struct DigestMismatch: Error, Sendable, Equatable {
  public let expected: Digest
  public let actual: Digest
}

extension ContentStore {
  /// Starts an upload session that outlives this request and this process.
  public func startUpload(in repository: RepositoryName, algorithm: DigestAlgorithm) async throws -> UploadID
  {
    let id = UploadID()
    try await metadata.startUpload(id, in: repository, algorithm: algorithm)
    return id
  }

  /// A session for an upload within one request: nothing of it is left if the request does not finish it.
  /// - Parameter writesBackEarly: false if what brings the content must not wait for the disk, and its end may.
  public func uploadAtOnce(
    to repository: RepositoryName, algorithm: DigestAlgorithm, writesBackEarly: Bool = true
  ) async throws -> UploadSession {
    let hold = await uploads.checkOut(UploadID())
    return try await open(
      hold, repository: repository, algorithm: algorithm, isRecorded: false, writesBackEarly: writesBackEarly)
  }

  /// Continues an upload session, once no other request works on it.
  /// - Returns: nil if the repository has no such session.
  public func continueUpload(_ id: UploadID, in repository: RepositoryName) async throws -> UploadSession? {
    let hold = await uploads.checkOut(id)
    guard let record = try await blocking({ [metadata] in try metadata.upload(id) }),
      record.repository == repository
    else { return nil }
    return try await open(hold, repository: repository, algorithm: record.algorithm, isRecorded: true)
  }

  /// What upload sessions of repositories below a prefix have brought so far.
  /// - Parameter session: that does not count.
  public func bytesOfUploads(below prefix: String, but session: UploadID?) async throws -> Int64 {
    try await blocking { [metadata, directory] in
      try metadata.uploads(below: prefix).reduce(0) { bytes, upload in
        guard upload != session else { return bytes }
        return bytes + ((try? FileSystem.size(ofPath: "\(directory.uploads)/\(upload)")) ?? 0)
      }
    }
  }

  private func open(
    _ hold: UploadTable.CheckedOut, repository: RepositoryName, algorithm: DigestAlgorithm, isRecorded: Bool,
    writesBackEarly: Bool = true
  ) async throws -> UploadSession {
    if let file = hold.file {
      return UploadSession(
        repository: repository, store: self, hold: hold, file: file, isRecorded: isRecorded)
    }
    let path = "\(directory.uploads)/\(hold.id)"
    let file = try await blocking {
      try UploadFile(path: path, algorithm: algorithm, writesBackEarly: writesBackEarly)
    }
    hold.file = file
    return UploadSession(repository: repository, store: self, hold: hold, file: file, isRecorded: isRecorded)
  }

  /// Makes an upload's content the blob `digest`, whose lock the caller holds.
  fileprivate func store(
    _ file: UploadFile, as digest: Digest, in repository: RepositoryName, endingUpload session: UploadID?,
    within limits: [StorageLimit]
  ) async throws {
    let (blobs, metadata) = (blobs, metadata)
    let isKnown = try await blocking {
      try metadata.isPresent(digest) && blobs.size(of: digest) == file.size
    }
    if !isKnown { try await blocking { try blobs.adopt(file, as: digest) } }
    do {
      try await metadata.linkNewBlob(
        digest, size: file.size, in: repository, endingUpload: session, within: limits)
    } catch {
      // Bytes without a row go at the next start. Where space is short they go at once; after any other error they must
      // not: a commit whose sync failed may lie whole in the log, and comes to life when a crash has it read again.
      if !isKnown, error.isBeforeTheCommit { try? await blocking { try blobs.remove(digest) } }
      throw error
    }
    if isKnown { try? await blocking { try file.remove() } }
  }
}
