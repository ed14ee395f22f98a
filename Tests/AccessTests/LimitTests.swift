import Testing

@testable import Access

@Suite struct LimitTests {
  private static let start = ContinuousClock.now

  private static func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  // MARK: - LoginAttempts

  private static func attempts(_ change: (inout LoginAttempts.Limits) -> Void = { _ in }) -> LoginAttempts {
    var limits = LoginAttempts.Limits()
    limits.perUser = 3
    limits.perAddress = 6
    limits.window = .seconds(100)
    limits.firstLock = .seconds(10)
    limits.longestLock = .seconds(60)
    change(&limits)
    return LoginAttempts(limits: limits)
  }

  private static func fail(
    _ attempts: LoginAttempts, _ user: String, _ address: String, _ times: Int, at seconds: Double
  ) {
    for _ in 0..<times { attempts.failed(user, from: address, at: after(seconds)) }
  }

  @Test func tooManyWrongPasswordsLockAUserForAnAddress() {
    let attempts = Self.attempts()
    Self.fail(attempts, "alice", "a", 2, at: 0)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(0)) == .allowed)
    Self.fail(attempts, "alice", "a", 1, at: 1)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(1)) == .wait(seconds: 10))
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(10.5)) == .wait(seconds: 1))
    // Neither others there nor the user elsewhere.
    #expect(attempts.permission(for: "bob", from: "a", at: Self.after(1)) == .allowed)
    #expect(attempts.permission(for: "alice", from: "b", at: Self.after(1)) == .allowed)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(11)) == .allowed)
  }

  @Test func locksDoubleUpToALimit() {
    let attempts = Self.attempts { $0.perAddress = 1000 }
    var time = 0.0
    for length in [10, 20, 40, 60, 60, 60] {
      Self.fail(attempts, "alice", "a", 3, at: time)
      #expect(attempts.permission(for: "alice", from: "a", at: Self.after(time)) == .wait(seconds: length))
      time += Double(length)
      #expect(attempts.permission(for: "alice", from: "a", at: Self.after(time)) == .allowed)
    }
    // After the longest lock without a wrong one, it begins anew.
    time += 60
    Self.fail(attempts, "alice", "a", 2, at: time)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(time)) == .allowed)
    Self.fail(attempts, "alice", "a", 1, at: time)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(time)) == .wait(seconds: 10))
  }

  @Test func wrongPasswordsLongAgoDoNotCount() {
    let attempts = Self.attempts { $0.longestLock = .seconds(1000) }
    Self.fail(attempts, "alice", "a", 2, at: 0)
    Self.fail(attempts, "alice", "a", 2, at: 100)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(100)) == .allowed)
    Self.fail(attempts, "alice", "a", 1, at: 199)
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(199)) == .wait(seconds: 10))
  }

  @Test func manyUsersFromOneAddressLockIt() {
    let attempts = Self.attempts()
    for user in 0..<6 {
      #expect(attempts.permission(for: "alice", from: "a", at: Self.after(0)) == .allowed)
      Self.fail(attempts, "user \(user)", "a", 1, at: 0)
    }
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(0)) == .wait(seconds: 10))
    #expect(attempts.permission(for: "user 1", from: "b", at: Self.after(0)) == .allowed)
  }

  @Test func aRightPasswordResetsItsUserOnly() {
    let attempts = Self.attempts()
    for _ in 0..<2 {
      Self.fail(attempts, "alice", "a", 2, at: 0)
      attempts.succeeded("alice", from: "a")
    }
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(0)) == .allowed)
    // Somebody who logs in between guesses of others' passwords gains nothing.
    Self.fail(attempts, "bob", "a", 2, at: 0)
    attempts.succeeded("alice", from: "a")
    #expect(attempts.permission(for: "carol", from: "a", at: Self.after(0)) == .wait(seconds: 10))
  }

  @Test func inventedUsersNeedBoundedMemoryAndHideNoAddress() {
    let attempts = Self.attempts {
      $0.maximumEntries = 100
      $0.perAddress = 5000
    }
    for user in 0..<5000 {
      Self.fail(attempts, "user \(user)", "a", 1, at: 0)
      #expect(attempts.count <= 101)
    }
    #expect(attempts.permission(for: "alice", from: "a", at: Self.after(0)) == .wait(seconds: 10))
  }

  // MARK: - RateLimiter

  @Test func bucketsFillSteadily() {
    let limiter = RateLimiter(perSecond: 2, burst: 3)
    for _ in 0..<3 { #expect(limiter.take("a", at: Self.after(0)) == .allowed) }
    #expect(limiter.take("a", at: Self.after(0)) == .wait(seconds: 1))
    #expect(limiter.take("b", at: Self.after(0)) == .allowed)
    #expect(limiter.take("a", at: Self.after(0.5)) == .allowed)
    #expect(limiter.take("a", at: Self.after(0.5)) == .wait(seconds: 1))
    // An earlier time gives nothing, and takes nothing.
    #expect(limiter.take("a", at: Self.after(0)) == .wait(seconds: 1))
    #expect(limiter.take("a", at: Self.after(1)) == .allowed)
    // No more than the bucket holds.
    for _ in 0..<3 { #expect(limiter.take("a", at: Self.after(1000)) == .allowed) }
    #expect(limiter.take("a", at: Self.after(1000)) == .wait(seconds: 1))
    let slow = RateLimiter(perSecond: 0.1, burst: 1)
    #expect(slow.take("a", at: Self.after(0)) == .allowed)
    #expect(slow.take("a", at: Self.after(0.5)) == .wait(seconds: 10))
    #expect(slow.take("a", at: Self.after(9.5)) == .wait(seconds: 1))
  }

  @Test func manyKeysNeedBoundedMemory() {
    let limiter = RateLimiter(perSecond: 1, burst: 1, maximumKeys: 100)
    for key in 0..<1000 {
      #expect(limiter.take("\(key)", at: Self.after(0)) == .allowed)
      // One that is used is not forgotten.
      let expected: Permission = key == 0 ? .allowed : .wait(seconds: 1)
      #expect(limiter.take("own", at: Self.after(0)) == expected)
      #expect(limiter.count <= 100)
    }
    #expect(limiter.take("0", at: Self.after(0)) == .allowed)
    #expect(limiter.take("999", at: Self.after(0)) == .wait(seconds: 1))
  }
}
