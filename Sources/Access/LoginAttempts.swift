import Synchronization

/// Keeps passwords from being guessed: too many wrong ones for a user from one address lock that user for that address, too
/// many from one address lock the address. Nobody can lock somebody else out from elsewhere.
///
/// Sendable by a lock, which is held for a few look-ups only.
public final class LoginAttempts: Sendable {
  public struct Limits: Sendable, Hashable {
    /// Wrong passwords for one user from one address until that is locked.
    public var perUser = 5
    /// Wrong passwords from one address, for whomever, until that is locked.
    public var perAddress = 30
    /// In which so many are too many; it begins with the first of them.
    public var window: Duration = .seconds(600)
    /// How long the first lock lasts. Each further one lasts twice as long as the one before.
    public var firstLock: Duration = .seconds(30)
    /// But not longer than this; after as long without a wrong password, all is forgotten.
    public var longestLock: Duration = .seconds(3600)
    /// Users with their addresses, and addresses, that are remembered; beyond, those that were not seen for longest are not.
    public var maximumEntries = 100_000

    public init() {}
  }

  private struct Pair: Hashable {
    let user: ExactText
    let address: ExactText
  }

  private struct Entry {
    var failures = 0
    var windowStart: ContinuousClock.Instant
    var last: ContinuousClock.Instant
    var locks = 0
    var lockedUntil: ContinuousClock.Instant?
  }

  private struct State {
    // Apart, so that many invented users do not make an address forgotten.
    var pairs: BoundedTable<Pair, Entry>
    var addresses: BoundedTable<ExactText, Entry>
  }

  private let limits: Limits
  private let state: Mutex<State>

  public init(limits: Limits = Limits()) {
    self.limits = limits
    state = Mutex(
      State(
        pairs: BoundedTable(maximum: limits.maximumEntries),
        addresses: BoundedTable(maximum: limits.maximumEntries)))
  }

  /// Whether a password may be looked at. If not, it is not, even if it is the right one. To be asked when the hash is about to be
  /// computed, not when it begins to wait for that: of many guesses that come together, the first ones then lock the rest.
  /// - Parameters:
  ///   - user: as given, whether there is such a user or not.
  ///   - address: without the port. Who has an IPv6 address has a /64 of them: give that.
  ///   - now: the present.
  public func permission(
    for user: String, from address: String, at now: ContinuousClock.Instant
  ) -> Permission {
    let pair = Pair(user: ExactText(user), address: ExactText(address))
    return state.withLock { state in
      let ends = [state.pairs[pair]?.lockedUntil, state.addresses[pair.address]?.lockedUntil].compactMap {
        $0
      }
      guard let end = ends.max(), end > now else { return .allowed }
      return Permission(waiting: end - now)
    }
  }

  /// A password was wrong, or the user is not known.
  public func failed(_ user: String, from address: String, at now: ContinuousClock.Instant) {
    let pair = Pair(user: ExactText(user), address: ExactText(address))
    state.withLock { state in
      state.pairs[pair] = failed(state.pairs[pair], limit: limits.perUser, at: now)
      state.addresses[pair.address] = failed(
        state.addresses[pair.address], limit: limits.perAddress, at: now)
    }
  }

  /// A password was right: what this user did wrong from this address is forgotten. What else came from the address is not:
  /// somebody with an account of their own could guess without end.
  public func succeeded(_ user: String, from address: String) {
    let pair = Pair(user: ExactText(user), address: ExactText(address))
    state.withLock { $0.pairs[pair] = nil }
  }

  private func failed(_ former: Entry?, limit: Int, at now: ContinuousClock.Instant) -> Entry {
    var entry = former ?? Entry(windowStart: now, last: now)
    if now - max(entry.last, entry.lockedUntil ?? entry.last) >= limits.longestLock {
      entry = Entry(windowStart: now, last: now)
    }
    if now - entry.windowStart >= limits.window { (entry.failures, entry.windowStart) = (0, now) }
    entry.failures += 1
    entry.last = now
    if entry.failures >= limit {
      entry.lockedUntil = now + lock(number: entry.locks)
      entry.locks += 1
      (entry.failures, entry.windowStart) = (0, now)
    }
    return entry
  }

  private func lock(number: Int) -> Duration {
    // Beyond, it is longer than any limit, and would overflow.
    let factor = 1 << min(number, 20)
    return min(limits.firstLock * factor, limits.longestLock)
  }

  /// How many entries there are.
  var count: Int { state.withLock { $0.pairs.count + $0.addresses.count } }
}
