import ContainerImage
import ImageTransfer
import RegistryClient
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

extension UpstreamConnection {
  /// What a copy asks, with the same limits as all else that is asked there.
  /// - Parameter gate: of the copy.
  public func session(_ gate: PatientGate) -> UpstreamSession {
    registry.session(named: remote.name, gate: gate, isCancelled: gate.isCancelled)
  }

  /// Waits until one more blob may be transferred, however long that takes.
  /// - Throws: `TransferError.cancelled`
  public func beginTransfer(isCancelled: @Sendable () -> Bool) throws(TransferError) {
    guard slots.take(unless: isCancelled) else { throw .cancelled }
    count { $0.transfers += 1 }
  }

  /// - Parameter bytes: that came from there.
  public func endTransfer(received bytes: Int64) {
    count { $0.received += bytes }
    slots.giveBack()
  }
}

/// Waits where a registry asks for patience, or failed a moment ago: who copies has time.
public final class PatientGate: RequestGate {
  let isCancelled: @Sendable () -> Bool
  private let connection: UpstreamConnection
  private let unreachable = Mutex<String?>(nil)

  /// Microseconds between two looks.
  private static let step: useconds_t = 20_000

  public init(_ connection: UpstreamConnection, isCancelled: @escaping @Sendable () -> Bool) {
    self.connection = connection
    self.isCancelled = isCancelled
  }

  /// Why the registry could not be reached, however often that was tried; nil once it has answered again.
  public var failure: String? { unreachable.withLock { $0 } }

  public func enter() throws {
    while true {
      if isCancelled() { throw TransferError.cancelled }
      // Whoever gives up is the client, after some tries.
      let isPaused = (try? connection.limits.check()) == nil
      if !isPaused, connection.limits.mayGo() { break }
      usleep(isPaused ? 5 * Self.step : Self.step)
    }
    connection.count { $0.requests += 1 }
  }

  public func answered(
    status: Int, retryAfter: Int?, limits told: RateLimitHeaders, since start: ContinuousClock.Instant
  ) {
    unreachable.withLock { $0 = nil }
    connection.limits.told(told)
    switch status {
    case 429: fail(.limited(retryAfter: retryAfter), "it answered with status 429", since: start)
    case 500, 502...: fail(.unavailable, "it answered with status \(status)", since: start)
    default: connection.limits.answered(since: start)
    }
  }

  public func failed(reason: String, since start: ContinuousClock.Instant, isLast: Bool) {
    fail(.unavailable, reason, since: start)
    if isLast { unreachable.withLock { $0 = reason } }
  }

  private func fail(_ kind: UpstreamFailure.Kind, _ reason: String, since start: ContinuousClock.Instant) {
    connection.limits.failed(UpstreamFailure(kind, reason), since: start)
    connection.count { $0.failures += 1 }
  }
}
