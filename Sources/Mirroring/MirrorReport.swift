import ContainerImage
import RegistryClient
import Storage

/// What there is from upstreams, and how they are.
public struct MirrorReport: Sendable {
  public struct UpstreamState: Sendable {
    public let namespace: String
    public let address: String
    public let prefix: String
    /// Since the start.
    public let requests: Int64
    public let failures: Int64
    public let transfers: Int64
    /// Bytes of blobs.
    public let received: Int64
    /// Answers without a question.
    public let hits: Int64
    /// Answers that could not be checked.
    public let stale: Int64
    /// Why it was not asked last; nil if it answered.
    public let failure: String?
    /// It is not asked for so long.
    public let pausedFor: Duration?
    public let limits: RateLimitHeaders?
    /// Bytes that are held below the prefix.
    public let held: Int64
  }

  public let upstreams: [UpstreamState]
  /// Nil if they were not asked for.
  public let tags: [MirroredTag]?
}

extension MirrorReport {
  private static let tagsAtOnce = 1000

  /// - Parameters:
  ///   - mirror: nil if there are no upstreams.
  ///   - withTags: whether each tag is told that came from another registry.
  /// - Throws: `StorageError`
  public init(of mirror: UpstreamMirror?, in store: ContentStore, withTags: Bool) async throws {
    var upstreams: [UpstreamState] = []
    for (upstream, connection) in mirror?.all ?? [] {
      let held = try await store.metadata.usage(below: upstream.prefix.description).bytes
      upstreams.append(connection.state(of: upstream, held: held))
    }
    self.upstreams = upstreams
    guard withTags else {
      tags = nil
      return
    }
    var tags: [MirroredTag] = []
    while true {
      let position = (tags.last?.repository.description ?? "", tags.last?.tag.description ?? "")
      let found = try await store.blocking {
        try store.metadata.mirroredTags(after: position, limit: Self.tagsAtOnce)
      }
      tags += found
      if found.count < Self.tagsAtOnce { break }
    }
    self.tags = tags
  }
}

extension UpstreamMirror {
  /// How the upstreams are, without what is held; does not wait.
  public var states: [MirrorReport.UpstreamState] { all.map { $1.state(of: $0, held: 0) } }
}

extension UpstreamConnection {
  fileprivate func state(of upstream: Upstream, held: Int64) -> MirrorReport.UpstreamState {
    let (counts, report) = (counts, limits.report())
    return MirrorReport.UpstreamState(
      namespace: upstream.namespace, address: upstream.address.description,
      prefix: upstream.prefix.description,
      requests: counts.requests, failures: counts.failures, transfers: counts.transfers,
      received: counts.received, hits: counts.hits, stale: counts.stale, failure: report.failure,
      pausedFor: report.pausedFor, limits: report.limits, held: held)
  }
}
