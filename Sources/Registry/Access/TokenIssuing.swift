import Access
import FoundationEssentials
import Storage
import Trust

/// The keys that sign the tokens of Docker's protocol: a new one from time to time, while the tokens of the former one are good still.
actor TokenIssuing {
  private struct Keys {
    let signer: TokenSigner
    let createdAt: Int64
    /// The newest first.
    let verifying: [TokenKey]
  }

  private let store: ContentStore
  private var keys: Keys?

  init(store: ContentStore) { self.store = store }

  func signer(
    _ configuration: AccessControl.Configuration, at now: Int64
  ) async throws -> TokenSigner {
    if let keys, keys.createdAt + configuration.keyLifetime.components.seconds > now { return keys.signer }
    var stored = try await store.blocking { [store] in try store.metadata.tokenKeys() }
    if (stored.first?.createdAt ?? 0) + configuration.keyLifetime.components.seconds <= now {
      let key = MetadataStore.TokenKey(pem: try SigningKey().pem, createdAt: now)
      // What a key signed last lives that much longer than the key signs. More than that, for the lifetime may have been a longer
      // one until a moment ago.
      let oldest =
        now - configuration.keyLifetime.components.seconds
        - 2 * max(configuration.longestTokenLife, Self.day)
      try await store.metadata.addTokenKey(key, forgettingThoseBefore: oldest)
      stored = try await store.blocking { [store] in try store.metadata.tokenKeys() }
    }
    return try use(stored).signer
  }

  /// - Returns: the keys whose tokens may still be good.
  func verifying() async throws -> [TokenKey] {
    if let keys { return keys.verifying }
    let stored = try await store.blocking { [store] in try store.metadata.tokenKeys() }
    guard !stored.isEmpty else { return [] }
    return try use(stored).verifying
  }

  private func use(_ stored: [MetadataStore.TokenKey]) throws -> Keys {
    let signing = try stored.map { try SigningKey(pem: SecretBytes(Array($0.pem.utf8))) }
    guard let first = signing.first, let newest = stored.first else {
      throw StorageError.failed(operation: "keep a key for tokens", reason: "there is none")
    }
    let keys = Keys(
      signer: TokenSigner(key: first), createdAt: newest.createdAt,
      verifying: signing.map { TokenKey($0.publicKey) })
    self.keys = keys
    return keys
  }

  private static let day: Int64 = 24 * 3600
}
