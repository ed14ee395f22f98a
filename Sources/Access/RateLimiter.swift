import Synchronization

/// Whether something may be done now.
public enum Permission: Sendable, Hashable {
  case allowed
  /// Not before so many seconds have gone by: at least 1, as in `Retry-After` (RFC 9110, section 10.2.3).
  case wait(seconds: Int)

  init(waiting duration: Duration) {
    let (seconds, rest) = duration.components
    self = .wait(seconds: max(Int(clamping: seconds) + (rest > 0 ? 1 : 0), 1))
  }
}

/// Limits how often something is done by each of many: a bucket of tokens for each, which fills at a steady rate.
///
/// Sendable by a lock, which is held for a few look-ups only: a call from an event loop does not wait for long.
public final class RateLimiter: Sendable {
  private struct Bucket {
    var tokens: Double
    var time: ContinuousClock.Instant
  }

  private let perSecond: Double
  private let burst: Double
  private let buckets: Mutex<BoundedTable<ExactText, Bucket>>

  /// - Parameters:
  ///   - perSecond: how many are allowed for each key in the long run; more than 0.
  ///   - burst: how many at once; at least 1.
  ///   - maximumKeys: the keys that were not seen for longest are forgotten, beyond so many. They begin with a full bucket.
  public init(perSecond: Double, burst: Int, maximumKeys: Int = 100_000) {
    self.perSecond = max(perSecond, 1e-6)
    self.burst = Double(max(burst, 1))
    buckets = Mutex(BoundedTable(maximum: maximumKeys))
  }

  /// Does it if that is allowed.
  /// - Parameters:
  ///   - key: whose bucket it is, such as an address (of IPv6, its /64) or an identity.
  ///   - now: the present. An earlier one than before counts as that.
  public func take(_ key: String, at now: ContinuousClock.Instant) -> Permission {
    let key = ExactText(key)
    return buckets.withLock { buckets in
      var bucket = buckets[key] ?? Bucket(tokens: burst, time: now)
      if now > bucket.time {
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.time) / .seconds(1) * perSecond)
        bucket.time = now
      }
      let isAllowed = bucket.tokens >= 1
      if isAllowed { bucket.tokens -= 1 }
      buckets[key] = bucket
      return isAllowed ? .allowed : Permission(waiting: .seconds((1 - bucket.tokens) / perSecond))
    }
  }

  /// How many keys are known.
  var count: Int { buckets.withLock(\.count) }
}
