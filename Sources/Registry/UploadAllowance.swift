import Access
import ContainerImage
import Storage
import Trust

/// How much of a blob is taken, and why not more.
struct UploadAllowance {
  /// Bytes.
  let most: Int64
  let refusal: RegistryError

  /// - Parameters:
  ///   - size: bytes of a blob, as far as they are known.
  ///   - more: what is announced.
  /// - Throws: `RegistryError` if it is too large.
  func check(_ size: Int64, and more: Int64 = 0) throws(RegistryError) {
    if size > most || more > most - size { throw refusal }
  }
}

extension Registry {
  /// What quotas say of the repository.
  func limits(of repository: RepositoryName) -> [StorageLimit] {
    configuration.quotas.applying(to: repository).map { prefix, amount in
      switch amount {
      case .bytes(let bytes): StorageLimit(prefix: prefix, kind: .bytes, most: bytes)
      case .tags(let count): StorageLimit(prefix: prefix, kind: .tags, most: count)
      }
    }
  }

  /// How large a blob may be, as far as that is known before it comes: several that come at the same time may be too many only
  /// together.
  /// - Parameters:
  ///   - isForSignature: whether the client may do no more than sign.
  ///   - digest: of the blob, if it is known: what is held already takes no more space.
  ///   - upload: the session that goes on; what others have brought so far takes up space, too.
  /// - Throws: `RegistryError.quotaExceeded` if nothing fits.
  /// - Returns: nil if there is no limit.
  func allowance(
    in repository: RepositoryName, isForSignature: Bool, of digest: Digest? = nil, upload: UploadID? = nil
  ) async throws -> UploadAllowance? {
    var allowance: UploadAllowance?
    if isForSignature {
      allowance = UploadAllowance(
        most: SignatureDiscovery.largestBlob,
        refusal: .tooLargeForSignature(limit: SignatureDiscovery.largestBlob))
    }
    for limit in limits(of: repository) where limit.kind == .bytes {
      if let digest,
        try await store.blocking({ [store] in try store.metadata.isHeld(digest, below: limit.prefix) })
      {
        continue
      }
      let uploads = try await store.bytesOfUploads(below: limit.prefix, but: upload)
      let used = try await usage(below: limit.prefix).bytes + uploads
      let refusal = RegistryError.quotaExceeded(limit, used: used)
      guard used < limit.most else { throw refusal }
      if limit.most - used < allowance?.most ?? .max {
        allowance = UploadAllowance(most: limit.most - used, refusal: refusal)
      }
    }
    return allowance
  }

  /// For what is stored in several steps, of which the tag is the last.
  /// - Throws: `RegistryError.quotaExceeded` if there is no room for a further tag.
  func checkRoom(for tag: Tag, in repository: RepositoryName) async throws {
    for limit in limits(of: repository) where limit.kind == .tags {
      let used = try await usage(below: limit.prefix).tags
      guard used >= limit.most else { continue }
      let isThere = try await store.blocking { [store] in
        try store.metadata.manifest(.tag(tag), in: repository) != nil
      }
      if !isThere { throw RegistryError.quotaExceeded(limit, used: used) }
    }
  }

  /// What repositories below a prefix hold.
  public func usage(below prefix: String) async throws -> StorageUsage {
    if let known = try await store.blocking({ [store] in try store.metadata.knownUsage(below: prefix) }) {
      return known
    }
    return try await store.metadata.usage(below: prefix)
  }
}

extension RegistryError {
  public init(_ exceeded: StorageLimitExceeded) { self = .quotaExceeded(exceeded.limit, used: exceeded.used) }
}
