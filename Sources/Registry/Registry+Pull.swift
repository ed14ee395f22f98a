import ContainerImage
import Storage

extension Registry {
  /// Opens a blob for reading.
  /// - Returns: nil if the repository has no such blob.
  public func blob(_ digest: Digest, in repository: RepositoryName) throws(StorageError) -> StoredBlob? {
    try store.openBlob(digest, in: repository)
  }

  public enum BlobPresence: Sendable, Equatable {
    /// There, with so many bytes.
    case present(size: Int64)
    case unknown
    case needsLease
  }

  /// Whether a repository has a blob. A pusher relies on the answer: what it is told exists must stay until its
  /// manifest comes. A blob that a manifest needs stays anyway; another one is leased for a grace period,
  /// by `lease`.
  public func presence(of digest: Digest, in repository: RepositoryName) throws(StorageError) -> BlobPresence
  {
    guard let record = try store.metadata.blob(digest, in: repository) else { return .unknown }
    // A lease with most of its time left needs no new one: that would be a write for every question.
    if let idle = record.idleTime, idle * 4 >= configuration.gracePeriod.components.seconds {
      return .needsLease
    }
    return .present(size: record.size)
  }

  /// Leases a blob that no manifest needs.
  /// - Returns: its size in bytes; nil if it is not there.
  public func lease(_ digest: Digest, in repository: RepositoryName) async throws -> Int64? {
    guard try await store.metadata.leaseBlob(digest, in: repository) else { return nil }
    return try await store.blocking { [store] in try store.metadata.blob(digest, in: repository)?.size }
  }

  /// - Throws: `RegistryError.manifestUnknown`, `StorageError`
  public func manifest(
    _ reference: ManifestReference, in repository: RepositoryName
  ) throws -> ManifestRecord {
    guard let record = try store.metadata.manifest(reference, in: repository) else {
      throw try unknown(reference, in: repository)
    }
    return record
  }

  /// A manifest that is asked for, and what becomes of it by the trust policy; may run on an event loop.
  /// - Parameter mayPush: whether the client may push to the repository.
  /// - Returns: an outcome of nil says that the image has to be judged first, by `outcome`.
  /// - Throws: `RegistryError.manifestUnknown`, `.repositoryUnknown`, `StorageError`
  public func pull(
    _ reference: ManifestReference, in repository: RepositoryName, mayPush: () -> Bool
  ) throws -> (record: ManifestRecord, outcome: TrustEnforcement.Outcome?) {
    guard let trust else { return (try manifest(reference, in: repository), .given) }
    if let found = try trust.pull(reference, in: repository, mayPush: mayPush) { return found }
    throw try unknown(reference, in: repository)
  }

  /// What becomes of an image that is asked for, whatever it takes to know that. Waits for the disk.
  /// - Throws: `StorageError`
  public func outcome(
    of manifest: Digest, as reference: ManifestReference, in repository: RepositoryName, mayPush: Bool
  ) async throws -> TrustEnforcement.Outcome {
    guard let trust else { return .given }
    return try await trust.outcome(of: manifest, as: reference, in: repository, mayPush: mayPush)
  }

  /// Which of the two is not there.
  func unknown(
    _ reference: ManifestReference, in repository: RepositoryName
  ) throws(StorageError) -> RegistryError {
    try store.metadata.hasRepository(repository)
      ? .manifestUnknown(reference, repository) : .repositoryUnknown(repository)
  }

  /// The manifest for a client that understands no indexes: of the index's linux/amd64 entry, as Docker's
  /// registry has always answered.
  /// - Parameter accepts: whether the client takes a manifest of that type.
  /// - Returns: nil if the index has no such entry here.
  public func defaultPlatformManifest(
    of index: ManifestRecord, in repository: RepositoryName, accepts: (MediaType) -> Bool
  ) throws(StorageError) -> ManifestRecord? {
    guard let parsed = try? index.parsed() else { return nil }
    let entry = parsed.manifests.first { descriptor in
      descriptor.platform?.os == "linux" && descriptor.platform?.architecture == "amd64"
        && accepts(descriptor.mediaType)
    }
    guard let entry else { return nil }
    return try store.metadata.manifest(.digest(entry.digest), in: repository)
  }
}
