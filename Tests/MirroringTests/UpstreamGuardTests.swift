import RegistryClient
import Testing

@testable import Mirroring

@Suite struct UpstreamGuardTests {
  private func isPaused(_ guarding: UpstreamGuard, _ time: ContinuousClock.Instant) -> Bool {
    (try? guarding.check(at: time)) == nil
  }

  @Test func oneThatFailsIsLeftAloneForLongerEachTime() {
    let guarding = UpstreamGuard(rate: nil)
    var now = ContinuousClock.now
    #expect(!isPaused(guarding, now))
    for pause in [2, 4, 8, 16, 32, 60, 60] {
      guarding.failed(UpstreamFailure(.unavailable, "down"), since: now, at: now)
      #expect(isPaused(guarding, now + .seconds(pause) - .milliseconds(1)), "\(pause)")
      now += .seconds(pause)
      #expect(!isPaused(guarding, now), "\(pause)")
    }
    guarding.answered(since: now)
    guarding.failed(UpstreamFailure(.unavailable, "down"), since: now, at: now)
    #expect(!isPaused(guarding, now + .seconds(2)))
  }

  @Test func whatWasAskedBeforeChangesNothing() {
    let guarding = UpstreamGuard(rate: nil)
    let now = ContinuousClock.now
    // Eight that fail together count as one.
    for _ in 0..<8 {
      guarding.failed(UpstreamFailure(.unavailable, "down"), since: now, at: now + .milliseconds(10))
    }
    #expect(!isPaused(guarding, now + .milliseconds(2010)))
    guarding.failed(UpstreamFailure(.limited(retryAfter: 600), "429"), since: now, at: now + .seconds(3))
    // A transfer that began before it ends well.
    guarding.answered(since: now + .seconds(2))
    #expect(isPaused(guarding, now + .seconds(4)))
    guarding.answered(since: now + .seconds(4))
    #expect(!isPaused(guarding, now + .seconds(4)))
  }

  @Test func oneThatAsksForPatienceGetsIt() {
    let guarding = UpstreamGuard(rate: nil)
    let now = ContinuousClock.now
    guarding.failed(UpstreamFailure(.limited(retryAfter: 30), "429"), since: now, at: now)
    let failure = #expect(throws: UpstreamFailure.self) { try guarding.check(at: now + .seconds(10)) }
    #expect(failure?.kind == .limited(retryAfter: 20))
    #expect(!isPaused(guarding, now + .seconds(30)))
    guarding.failed(UpstreamFailure(.limited(retryAfter: nil), "429"), since: now, at: now)
    #expect(isPaused(guarding, now + .seconds(59)) && !isPaused(guarding, now + .seconds(60)))
    // Not for ever.
    guarding.failed(UpstreamFailure(.limited(retryAfter: 10_000_000), "429"), since: now, at: now)
    #expect(!isPaused(guarding, now + .seconds(3600)))
  }

  @Test(arguments: [UpstreamFailure.Kind.notFound, .denied, .wrong]) func anAnswerIsNoFailure(
    kind: UpstreamFailure.Kind
  ) {
    let guarding = UpstreamGuard(rate: nil)
    guarding.failed(UpstreamFailure(kind, "answer"), since: .now)
    #expect(!isPaused(guarding, .now))
  }

  @Test func slotsAreGivenInOrder() async {
    let slots = Slots(2)
    await slots.take()
    await slots.take()
    let third = Task { await slots.take() }
    slots.giveBack()
    await third.value
    slots.giveBack()
    slots.giveBack()
    await slots.take()
  }
}
