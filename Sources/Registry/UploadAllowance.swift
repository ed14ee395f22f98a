import Access
import ContainerImage
import Storage

/// How much of a blob is taken, and why not more.
struct UploadAllowance {
  /// Bytes.
  let most: Int64
  let refusal: RegistryError

  /// - Parameter size: bytes of a blob, as far as they are known.
  /// - Throws: `RegistryError` if it is too large.
  func check(_ size: Int64) throws(RegistryError) {
    if size > most { throw refusal }
  }
}

extension Registry {
  /// Bytes of one blob of a signature, and more than any has.
  private static let largestSignatureBlob: Int64 = 4 << 20

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
  /// - Parameter isForSignature: whether the client may do no more than sign.
  /// - Throws: `RegistryError.quotaExceeded` if nothing fits.
  /// - Returns: nil if there is no limit.
  func allowance(in repository: RepositoryName, isForSignature: Bool) async throws -> UploadAllowance? {
    var allowance: UploadAllowance?
    if isForSignature {
      allowance = UploadAllowance(
        most: Self.largestSignatureBlob,
        refusal: .tooLargeForSignature(limit: Self.largestSignatureBlob))
    }
    for limit in limits(of: repository) where limit.kind == .bytes {
      let used = try await usage(below: limit.prefix).bytes
      let refusal = RegistryError.quotaExceeded(limit, used: used)
      guard used < limit.most else { throw refusal }
      if limit.most - used < allowance?.most ?? .max {
        allowance = UploadAllowance(most: limit.most - used, refusal: refusal)
      }
    }
    return allowance
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
  init(_ exceeded: StorageLimitExceeded) { self = .quotaExceeded(exceeded.limit, used: exceeded.used) }
}
