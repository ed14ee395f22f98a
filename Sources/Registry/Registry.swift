import Access
import ContainerImage
import Logging
import NIOCore
import Storage

/// The registry's domain: what can be done with repositories and their content, whatever the protocol.
///
/// Functions that are not `async` look up and return: they may run on an event loop.
public final class Registry: Sendable {
  public struct Configuration: Sendable {
    public var allowSparse = SparsePolicy.off
    /// Bytes; the distribution-spec asks for at least 4 MB.
    public var maximumManifestSize = 4 << 20
    /// How long a blob that no manifest needs stays, from the last time a client was told that it exists.
    public var gracePeriod = Duration.seconds(3600)
    /// Tags that mean for ever what they meant first.
    public var immutableTags: [TagPattern] = []
    /// What repositories may hold together.
    public var quotas: [Quota] = []
    /// Whether a repository is filled from another registry, and takes no pushes.
    public var isMirrored: @Sendable (RepositoryName) -> Bool = { _ in false }
    /// Looks at each manifest that is pushed, before it is stored; throws to refuse it.
    public var admit: (@Sendable (Manifest, RepositoryName) async throws -> Void)?

    public init() {}
  }

  public let configuration: Configuration
  public let store: ContentStore
  /// Nil if any image is as good as any other.
  public let trust: TrustEnforcement?
  let logger: Logger

  public init(
    store: ContentStore, configuration: Configuration = Configuration(), trust: TrustEnforcement? = nil,
    logger: Logger
  ) {
    self.store = store
    self.trust = trust
    self.configuration = configuration
    self.logger = logger
  }

  /// - Throws: `RegistryError.filledFromElsewhere` for what takes no pushes.
  func checkIsOwn(_ repository: RepositoryName) throws(RegistryError) {
    if configuration.isMirrored(repository) { throw .filledFromElsewhere(repository) }
  }

  /// Whether content can be served.
  public func check() async throws {
    try await store.blocking { [store] in try store.check() }
  }
}
