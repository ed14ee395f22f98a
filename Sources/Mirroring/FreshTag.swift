import ContainerImage
import Synchronization

/// A tag that need not be asked for, and when what it means was given out.
public final class FreshTag: Sendable {
  let until: ContinuousClock.Instant
  let repository: RepositoryName
  let manifest: Digest
  private let connection: UpstreamConnection
  /// Seconds since 1970; 0 if that was noted since.
  private let pulledAt = Atomic<Int64>(0)

  init(
    _ manifest: Digest, in repository: RepositoryName, until: ContinuousClock.Instant,
    _ connection: UpstreamConnection
  ) {
    self.manifest = manifest
    self.repository = repository
    self.until = until
    self.connection = connection
  }

  /// What it means was given out; may run on an event loop.
  func pulled(at time: Int64) {
    pulledAt.store(time, ordering: .relaxed)
    connection.count { $0.hits += 1 }
  }

  /// - Returns: when it was given out last, if that was not noted yet.
  func takePull() -> Int64? {
    let time = pulledAt.exchange(0, ordering: .relaxed)
    return time == 0 ? nil : time
  }
}
