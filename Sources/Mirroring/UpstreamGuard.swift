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
    var pausedSince: ContinuousClock.Instant?
    var pausedUntil: ContinuousClock.Instant?
    /// Why.
    var failure: UpstreamFailure?
    var failures = 0
    var limits: RateLimitHeaders?

    mutating func clear() { (pausedSince, pausedUntil, failure, failures) = (nil, nil, nil, 0) }

    mutating func pause(_ time: Duration, _ failure: UpstreamFailure, at now: ContinuousClock.Instant) {
      (pausedSince, pausedUntil, self.failure) = (now, now + time, failure)
    }
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
    while !mayGo() { try await Task.sleep(for: .milliseconds(20)) }
  }

  /// Whether it is somebody's turn, by the operator's rate; that is over then.
  func mayGo() -> Bool {
    if let limiter, case .wait = limiter.take("", at: .now) { return false }
    return true
  }

  /// - Parameter start: when what was answered was asked: a pause that came later stays.
  func answered(since start: ContinuousClock.Instant) {
    state.withLock { state in
      if let since = state.pausedSince, since > start { return }
      state.clear()
    }
  }

  /// What the upstream says of its limits.
  func told(_ limits: RateLimitHeaders?, at now: ContinuousClock.Instant = .now) {
    guard let limits, let remaining = limits.remaining else { return }
    state.withLock { state in
      state.limits = limits
      // The next one would be refused.
      if remaining <= 0 {
        state.pause(Self.patience, UpstreamFailure(.limited(retryAfter: nil), "no pulls remain"), at: now)
      }
    }
  }

  /// - Parameter start: when what failed was asked.
  func failed(
    _ failure: UpstreamFailure, since start: ContinuousClock.Instant, at now: ContinuousClock.Instant = .now
  ) {
    switch failure.kind {
    // That is an answer.
    case .notFound, .denied, .wrong: answered(since: start)
    case .limited(let seconds):
      let asked = seconds.map { min(.seconds($0), Self.longestPatience) } ?? Self.patience
      state.withLock { $0.pause(max(asked, .seconds(1)), failure, at: now) }
    case .unavailable:
      state.withLock { state in
        // Of several that fail together, one counts.
        if let since = state.pausedSince, since >= start { return }
        let pause = min(Self.firstPause * (1 << min(state.failures, 10)), Self.longestPause)
        state.failures += 1
        state.pause(pause, failure, at: now)
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
