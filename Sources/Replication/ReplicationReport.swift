import ContainerImage
import Storage

/// What a run of a rule did, or would do.
public struct ReplicationReport: Sendable {
  public enum Action: String, Sendable {
    /// The destination has no such tag.
    case copy
    /// It means something else there.
    case update
    /// It means the same there; what refers to it came.
    case refresh
    case delete
    case failed
  }

  public struct Entry: Sendable {
    public let action: Action
    /// Name and tag there, and here.
    public let source: String
    public let target: String
    /// What the tag means now at the source, or meant; nil if that is not known.
    public let digest: Digest?
    public var blobs: Int64 = 0
    public var bytes: Int64 = 0
    public var failure: String?
  }

  public internal(set) var run: ReplicationRun
  /// What was not up to date already.
  public internal(set) var entries: [Entry] = []
  /// What somebody should know although nothing failed.
  public internal(set) var notes: [String] = []
  public let isDryRun: Bool

  init(_ rule: String, isDryRun: Bool, at time: Int64) {
    run = ReplicationRun(rule: rule, startedAt: time)
    self.isDryRun = isDryRun
  }

  /// The whole of it, when nothing more comes.
  func ended(by result: Result<Void, any Error>) -> ReplicationReport {
    var report = self
    // Which tag came when is of no interest.
    report.entries.sort { ($0.source, $0.target) < ($1.source, $1.target) }
    if case .failure(let error) = result { report.run.failure = "\(error)" }
    return report
  }

  mutating func add(_ entry: Entry) {
    entries.append(entry)
    run.blobs += entry.blobs
    run.bytes += entry.bytes
    switch entry.action {
    case .copy, .update, .refresh: run.copied += 1
    case .delete: run.deleted += 1
    case .failed:
      run.failed += 1
      run.failure = run.failure ?? "\(entry.source): \(entry.failure ?? "it failed")"
    }
  }
}
