import ContainerImage
import Logging
import Storage
import Synchronization

/// Collects garbage in the background and remembers what came of it.
public final class Collector: Sendable {
  public struct Configuration: Sendable {
    /// Between two runs; nil for none but those that are asked for.
    public var interval: Duration?
    /// How long what no manifest needs stays.
    public var grace: Duration
    /// How long an upload session without progress stays.
    public var uploadExpiry: Duration

    public init(interval: Duration?, grace: Duration, uploadExpiry: Duration) {
      self.interval = interval
      self.grace = grace
      self.uploadExpiry = uploadExpiry
    }
  }

  /// Since the start of the process.
  public struct Totals: Sendable {
    public var runs = 0
    public var failures = 0
    public var blobs = 0
    public var bytes: Int64 = 0
    public var uploads = 0
  }

  public let configuration: Configuration
  private let store: ContentStore
  private let logger: Logger
  private let state = Mutex(Totals())

  public init(store: ContentStore, configuration: Configuration, logger: Logger) {
    self.store = store
    self.configuration = configuration
    self.logger = logger
  }

  public var totals: Totals { state.withLock { $0 } }

  /// First removes what a crash left, then collects at every interval, until the task is cancelled.
  public func run() async {
    do {
      let removed = try await store.removeUnknownBlobs()
      if removed > 0 {
        logger.notice("removed blobs that were never acknowledged", metadata: ["blobs": "\(removed)"])
      }
    } catch {
      logger.error("cannot look for blobs that were never acknowledged", metadata: ["error": "\(error)"])
    }
    guard let interval = configuration.interval else { return }
    while !Task.isCancelled {
      do { try await Task.sleep(for: interval) } catch { return }
      _ = try? await collect()
    }
  }

  /// One run, now.
  /// - Parameter grace: instead of the configured one.
  public func collect(grace: Duration? = nil) async throws -> CollectionReport {
    do {
      let report = try await store.collect(
        grace: (grace ?? configuration.grace).components.seconds,
        uploadExpiry: configuration.uploadExpiry.components.seconds)
      state.withLock { totals in
        totals.runs += 1
        totals.blobs += report.blobs
        totals.bytes += report.bytes
        totals.uploads += report.uploads
      }
      if report != CollectionReport() {
        logger.info(
          "collected",
          metadata: [
            "links": "\(report.links)", "blobs": "\(report.blobs)", "bytes": "\(report.bytes)",
            "uploads": "\(report.uploads)",
          ])
      }
      return report
    } catch {
      state.withLock { $0.failures += 1 }
      logger.error("a collection failed", metadata: ["error": "\(error)"])
      throw error
    }
  }

  /// What a run would drop now.
  /// - Parameter grace: instead of the configured one.
  public func collectable(grace: Duration? = nil) async throws -> [CollectableBlob] {
    try await store.collectable(grace: (grace ?? configuration.grace).components.seconds)
  }
}
