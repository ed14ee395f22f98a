import ContainerImage
import FoundationEssentials
import Logging
import NIOCore
import Storage
import Synchronization
import Trust

/// Signs which manifests a repository's tags mean, so that clients know a former state of it when they are shown one.
///
/// A list is made when it is asked for, and kept. Its version is the time when it was made, or one more than the former's if that
/// is higher: it goes on for a repository that was gone, or whose database was lost.
public final class TagListSigning: Sendable {
  public struct Configuration: Sendable {
    public var key: SigningKey
    /// For so long is a list believed. It is signed anew when half of that is over.
    public var lifetime: Duration
    /// What clients call the registry.
    public var registry: String

    public init(key: SigningKey, lifetime: Duration, registry: String) {
      self.key = key
      self.lifetime = lifetime
      self.registry = registry
    }
  }

  public static let mediaType = TagList.mediaType

  /// Of repositories with more tags there is no list.
  public static let mostTags = 200_000

  private let registry: Registry
  private let logger: Logger
  private let state: Mutex<Configuration>
  /// A list is made once, however many ask for it.
  private let signing = KeyedLock<RepositoryName>()

  public init(_ configuration: Configuration, registry: Registry, logger: Logger) {
    state = Mutex(configuration)
    self.registry = registry
    self.logger = logger
  }

  /// Signs by another key, or for another name, from now on.
  public func replace(_ configuration: Configuration) { state.withLock { $0 = configuration } }

  /// The list that holds now. Tags that are held by the trust policy are not in it, whoever asks.
  /// - Throws: `RegistryError.repositoryUnknown`, `.tooManyTags`, `StorageError`, `TrustError`
  public func list(of repository: RepositoryName) async throws -> StoredTagList {
    let configuration = state.withLock { $0 }
    return try await signing.withLock(repository) { [self] in
      let (basis, former) = try await registry.store.blocking { [registry] in
        let metadata = registry.store.metadata
        return (try metadata.trustBasis(of: repository), try metadata.tagList(of: repository))
      }
      guard let basis else { throw RegistryError.repositoryUnknown(repository) }
      // What is held changes with verdicts.
      let isFixed = registry.trust?.holdsImages(of: repository) != true
      let now = Int64(Date().timeIntervalSince1970)
      let current = former.flatMap { configuration.isCurrent($0, at: now) ? $0 : nil }
      if let current, isFixed, current.basis == basis { return current }

      let tags = try await tags(of: repository)
      let digest = Self.digest(of: tags)
      if var current, current.tagsDigest == digest {
        guard isFixed else { return current }
        current.basis = basis
        try await registry.store.metadata.putTagList(current, of: repository)
        return current
      }
      let version = max(now, (former?.version ?? 0) + 1)
      let made = try await onThreadOfItsOwn {
        try configuration.sign(tags, of: repository, version: version, at: now)
      }
      let list = StoredTagList(
        version: version, expiresAt: now + configuration.lifetime.components.seconds,
        signer: configuration.signer, basis: isFixed ? basis : nil, tagsDigest: digest,
        content: ByteBuffer(bytes: made))
      try await registry.store.metadata.putTagList(list, of: repository)
      logger.debug(
        "signed a tag list",
        metadata: ["repository": "\(repository)", "version": "\(version)", "tags": "\(tags.count)"])
      return list
    }
  }

  private func tags(of repository: RepositoryName) async throws -> [MetadataStore.TaggedManifest] {
    let found = try await registry.store.blocking { [registry] in
      try registry.store.metadata.taggedManifests(in: repository, limit: Self.mostTags + 1)
    }
    guard found.count <= Self.mostTags else {
      throw RegistryError.tooManyTags(repository, limit: Self.mostTags)
    }
    guard let trust = registry.trust else { return found }
    let visible = Set(try await trust.visible(found.map(\.tag), in: repository, mayPush: false))
    return found.filter { visible.contains($0.tag) }
  }

  private static func digest(of tags: [MetadataStore.TaggedManifest]) -> Digest {
    var hasher = ContentHasher(.sha256)
    for tag in tags {
      // No tag and no digest has a space.
      Array("\(tag.tag) \(tag.digest)\n".utf8).withUnsafeBytes { hasher.update($0) }
    }
    return hasher.digest()
  }
}

extension TagListSigning.Configuration {
  fileprivate var signer: String { "\(key.publicKey.keyID) \(registry)" }

  fileprivate func isCurrent(_ list: StoredTagList, at now: Int64) -> Bool {
    // One from the future was signed by a clock that has been put right since: its end would be too late.
    let remaining = list.expiresAt - now
    return list.signer == signer && remaining >= lifetime.components.seconds / 2
      && remaining <= lifetime.components.seconds
  }

  fileprivate func sign(
    _ tags: [MetadataStore.TaggedManifest], of repository: RepositoryName, version: Int64, at now: Int64
  ) throws(TrustError) -> [UInt8] {
    var targets: [Tag: TagList.Target] = [:]
    for tag in tags { targets[tag.tag] = TagList.Target(digest: tag.digest, size: tag.size) }
    let list = TagList(
      of: ImageReference(registry: registry, repository: repository), version: version,
      expires: Date(timeIntervalSince1970: Double(now + lifetime.components.seconds)), tags: targets)
    return try list.signed(by: key)
  }
}
