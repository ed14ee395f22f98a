import Access
import RegistryClient
import Synchronization

/// Keeps an upstream from being asked more than it bears: not while it asks for patience, not again at once when it failed, and not
/// more often than the operator allows.
///
/// Sendable by a lock.
final class UpstreamGuard: Sendable {
  struct Report: Sendable {
    var failure: String?
    /// Since it failed, or asked for patience.
    var pausedFor: Duration?
    var limits: RateLimitHeaders?
  }

  private struct State {
    var pausedUntil: ContinuousClock.Instant?
    /// Why.
    var failure: UpstreamFailure?
    var failures = 0
    var limits: RateLimitHeaders?
  }

  private static let firstPause = Duration.seconds(2)
  private static let longestPause = Duration.seconds(60)
  /// For an upstream that says that it is asked too often, and not for how long.
  private static let patience = Duration.seconds(60)
  private static let longestPatience = Duration.seconds(3600)

  private let state = Mutex(State())
  private let limiter: RateLimiter?

  init(rate: Int?) { limiter = rate.map { RateLimiter(perSecond: Double($0), burst: $0) } }

  /// - Throws: `UpstreamFailure` if it is not to be asked now.
  func check(at now: ContinuousClock.Instant = .now) throws(UpstreamFailure) {
    let failure = state.withLock { state -> UpstreamFailure? in
      guard let until = state.pausedUntil, until > now, let failure = state.failure else { return nil }
      guard case .limited = failure.kind else { return failure }
      return UpstreamFailure(
        .limited(retryAfter: max(Int((until - now).components.seconds), 1)), failure.description)
    }
    if let failure { throw failure }
  }

  /// Waits for its turn.
  func turn() async throws {
    guard let limiter else { return }
    while case .wait = limiter.take("", at: .now) { try await Task.sleep(for: .milliseconds(20)) }
  }

  func answered(_ limits: RateLimitHeaders? = nil) {
    state.withLock { state in
      (state.pausedUntil, state.failure, state.failures) = (nil, nil, 0)
      if let limits, limits.remaining != nil { state.limits = limits }
    }
  }

  func failed(_ failure: UpstreamFailure, at now: ContinuousClock.Instant = .now) {
    state.withLock { state in
      switch failure.kind {
      // That is an answer.
      case .notFound, .denied, .wrong: (state.pausedUntil, state.failure, state.failures) = (nil, nil, 0)
      case .limited(let seconds):
        let asked = seconds.map { min(.seconds($0), Self.longestPatience) } ?? Self.patience
        (state.pausedUntil, state.failure) = (now + max(asked, .seconds(1)), failure)
      case .unavailable:
        let pause = min(Self.firstPause * (1 << min(state.failures, 10)), Self.longestPause)
        state.failures += 1
        (state.pausedUntil, state.failure) = (now + pause, failure)
      }
    }
  }

  func report(at now: ContinuousClock.Instant = .now) -> Report {
    state.withLock { state in
      let rest = state.pausedUntil.map { $0 - now }
      return Report(
        failure: state.failure?.description, pausedFor: rest.flatMap { $0 > .zero ? $0 : nil },
        limits: state.limits)
    }
  }
}
