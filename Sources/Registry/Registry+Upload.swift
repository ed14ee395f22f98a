import ContainerImage
import Storage

extension Registry {
  /// Starts an upload session.
  /// - Parameter isForSignature: here and below, whether the client may do no more than sign.
  /// - Throws: `RegistryError.quotaExceeded`
  public func startUpload(
    in repository: RepositoryName, algorithm: DigestAlgorithm = .sha256, isForSignature: Bool = false
  ) async throws -> UploadStatus {
    try checkIsOwn(repository)
    _ = try await allowance(in: repository, isForSignature: isForSignature)
    let id = try await store.startUpload(in: repository, algorithm: algorithm)
    return UploadStatus(repository: repository, id: id, size: 0)
  }

  /// - Throws: `RegistryError.uploadUnknown`
  public func uploadStatus(_ id: String, in repository: RepositoryName) async throws -> UploadStatus {
    let session = try await session(id, in: repository)
    return UploadStatus(repository: repository, id: session.id, size: session.size)
  }

  /// Appends a request's body to an upload session. When the body breaks off, what has come of it stays, and
  /// the client may go on from there.
  /// - Parameter range: the bytes' place in the whole content, if the client says so.
  /// - Throws: `RegistryError.uploadUnknown`, `.chunkOutOfOrder`, `.sizeMismatch`; `.quotaExceeded`, `.tooLargeForSignature`, which
  ///   end the session
  public func appendChunk(
    to id: String, in repository: RepositoryName, range: ClosedRange<Int64>?, content: UploadContent,
    isForSignature: Bool = false
  ) async throws -> UploadStatus {
    let session = try await session(id, in: repository)
    try Self.checkStart(of: range, in: session)
    let received: Int64
    do {
      let allowance = try await allowance(
        in: repository, isForSignature: isForSignature, upload: session.id)
      received = try await Self.receive(content, into: session, range: range, allowance)
    } catch let error as RegistryError where error.isAboutSpace {
      // What came of it would only take up space.
      await session.cancel()
      throw error
    }
    let status = UploadStatus(repository: repository, id: session.id, size: received)
    _ = try await session.keep()
    return status
  }

  /// Appends a last chunk, if there is one, and stores the content as a blob.
  /// - Throws: as `appendChunk`, and `RegistryError.digestMismatch`. But for `chunkOutOfOrder` the session is
  ///   ended then.
  /// - Returns: the blob's size in bytes.
  public func finishUpload(
    _ id: String, in repository: RepositoryName, as digest: Digest, range: ClosedRange<Int64>?,
    content: UploadContent, isForSignature: Bool = false
  ) async throws -> Int64 {
    let session = try await session(id, in: repository)
    try Self.checkStart(of: range, in: session)
    return try await finish(
      session, as: digest, range: range, content: content, isForSignature: isForSignature)
  }

  /// Stores a request's body as a blob. Nothing is left of it unless that succeeds.
  /// - Throws: `RegistryError.digestMismatch`, `.quotaExceeded`, `.tooLargeForSignature`
  /// - Returns: the blob's size in bytes.
  public func uploadAtOnce(
    to repository: RepositoryName, as digest: Digest, content: UploadContent, isForSignature: Bool = false
  ) async throws -> Int64 {
    try checkIsOwn(repository)
    let session = try await store.uploadAtOnce(to: repository, algorithm: digest.algorithm)
    return try await finish(
      session, as: digest, range: nil, content: content, isForSignature: isForSignature)
  }

  /// Receives a request's body, for whoever looks at it before it is stored. Nothing is left of it unless that is done.
  public func receiveUpload(
    _ content: UploadContent, in repository: RepositoryName
  ) async throws -> UploadSession {
    try checkIsOwn(repository)
    let session = try await store.uploadAtOnce(to: repository, algorithm: .sha256)
    do {
      let allowance = try await allowance(in: repository, isForSignature: false)
      _ = try await Self.receive(content, into: session, range: nil, allowance)
    } catch {
      await session.cancel()
      throw error
    }
    return session
  }

  /// Ends an upload session; its content goes.
  /// - Throws: `RegistryError.uploadUnknown`
  public func cancelUpload(_ id: String, in repository: RepositoryName) async throws {
    let session = try await session(id, in: repository)
    await session.cancel()
  }

  /// Links a blob of another repository, so that it need not be uploaded.
  /// - Parameters:
  ///   - source: the repository that has it; nil for any that the client may pull from.
  ///   - mayPull: whether the client may pull from a repository.
  /// - Throws: `RegistryError.quotaExceeded`
  /// - Returns: false if there is none to mount.
  public func mount(
    _ digest: Digest, from source: RepositoryName?, to target: RepositoryName,
    mayPull: @Sendable (RepositoryName) -> Bool
  ) async throws -> Bool {
    try checkIsOwn(target)
    let candidates: [RepositoryName]
    if let source {
      candidates = [source]
    } else {
      candidates = try await store.blocking { [store] in try store.metadata.repositories(linking: digest) }
    }
    let limits = limits(of: target)
    for candidate in candidates where mayPull(candidate) {
      do {
        if try await store.metadata.mountBlob(digest, from: candidate, to: target, within: limits) {
          return true
        }
      } catch let exceeded as StorageLimitExceeded {
        throw RegistryError(exceeded)
      }
    }
    return false
  }

  private func session(_ id: String, in repository: RepositoryName) async throws -> UploadSession {
    guard let parsed = UploadID(id), let session = try await store.continueUpload(parsed, in: repository)
    else { throw RegistryError.uploadUnknown(id) }
    return session
  }

  private static func checkStart(
    of range: ClosedRange<Int64>?, in session: borrowing UploadSession
  ) throws(RegistryError) {
    guard let range, range.lowerBound != session.size else { return }
    throw .chunkOutOfOrder(
      upload: UploadStatus(repository: session.repository, id: session.id, size: session.size))
  }

  /// - Returns: the session's size in bytes.
  private static func receive(
    _ content: UploadContent, into session: borrowing UploadSession, range: ClosedRange<Int64>?,
    _ allowance: UploadAllowance?
  ) async throws -> Int64 {
    let start = session.size
    try allowance?.check(start, and: content.length ?? 0)
    while let piece = try await content.next() {
      try await session.append(piece, then: content.nextIfHere)
      try allowance?.check(session.size)
    }
    let received = session.size - start
    if let range, received != Int64(range.count) {
      throw RegistryError.sizeMismatch(expected: Int64(range.count), received: received)
    }
    return session.size
  }

  private func finish(
    _ session: consuming UploadSession, as digest: Digest, range: ClosedRange<Int64>?, content: UploadContent,
    isForSignature: Bool
  ) async throws -> Int64 {
    let repository = session.repository
    do {
      let allowance = try await allowance(
        in: repository, isForSignature: isForSignature, of: digest, upload: session.id)
      _ = try await Self.receive(content, into: session, range: range, allowance)
    } catch {
      await session.cancel()
      throw error
    }
    do {
      return try await session.finish(as: digest, within: limits(of: repository))
    } catch let mismatch as DigestMismatch {
      throw RegistryError.digestMismatch(expected: mismatch.expected, actual: mismatch.actual)
    } catch let exceeded as StorageLimitExceeded {
      throw RegistryError(exceeded)
    }
  }
}

extension RegistryError {
  fileprivate var isAboutSpace: Bool {
    switch self {
    case .quotaExceeded, .tooLargeForSignature: true
    default: false
    }
  }
}
