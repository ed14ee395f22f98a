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

extension UpstreamMirror {
  private static let tagsAtOnce = 1000

  /// How the upstreams are, without what is held; does not wait.
  public var states: [MirrorReport.UpstreamState] { all.map { $0.state(held: 0) } }

  /// - Parameter withTags: whether each tag is told.
  /// - Throws: `StorageError`
  public func report(withTags: Bool) async throws -> MirrorReport {
    var upstreams: [MirrorReport.UpstreamState] = []
    for connection in all {
      let held = try await registry.store.metadata.usage(below: connection.upstream.prefix.description).bytes
      upstreams.append(connection.state(held: held))
    }
    guard withTags else { return MirrorReport(upstreams: upstreams, tags: nil) }
    var tags: [MirroredTag] = []
    while true {
      let position = (tags.last?.repository.description ?? "", tags.last?.tag.description ?? "")
      let found = try await registry.store.blocking { [registry] in
        try registry.store.metadata.mirroredTags(after: position, limit: Self.tagsAtOnce)
      }
      tags += found
      if found.count < Self.tagsAtOnce { return MirrorReport(upstreams: upstreams, tags: tags) }
    }
  }
}

extension UpstreamConnection {
  fileprivate func state(held: Int64) -> MirrorReport.UpstreamState {
    let (counts, report) = (counts, limits.report())
    return MirrorReport.UpstreamState(
      namespace: upstream.namespace, address: upstream.address.description,
      prefix: upstream.prefix.description,
      requests: counts.requests, failures: counts.failures, transfers: counts.transfers,
      received: counts.received, hits: counts.hits, stale: counts.stale, failure: report.failure,
      pausedFor: report.pausedFor, limits: report.limits, held: held)
  }
}
