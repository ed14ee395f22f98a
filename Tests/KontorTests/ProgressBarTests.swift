import ContainerImage
import Testing

@testable import kontor

@Suite("progress bars")
struct ProgressBarTests {
  private let start = ContinuousClock.now
  private let name = "sha256:e3b0c44298fc"

  private func bar(size: Int64, from first: Int64, to position: Int64) -> ProgressBar {
    let blob = Descriptor(mediaType: MediaType("a/b"), digest: Digest(hashing: []), size: size)
    var bar = ProgressBar(blob, position: first, now: start)
    bar.position = position
    return bar
  }

  @Test("a bar has what is there, the rate, and the time that is left")
  func line() {
    let bar = bar(size: 100 << 20, from: 0, to: 25 << 20)
    let amounts = "25.0 MiB of 100.0 MiB, 5.0 MiB/s, 15 s left"
    #expect(
      bar.line(width: 200, now: start + .seconds(5)) == "\(name) [======                  ] \(amounts)")
    #expect(bar.line(width: 80, now: start + .seconds(5)) == "\(name) [===           ] \(amounts)")
    #expect(bar.line(width: 69, now: start + .seconds(5)) == "\(name) \(amounts)")
    #expect(bar.line(width: 21, now: start + .seconds(5)) == "\(name) 2")
    #expect(bar.line(width: 0, now: start + .seconds(5)) == "")
  }

  @Test("what an earlier copy left does not count for the rate, and a standstill has none")
  func rate() {
    let resumed = bar(size: 100 << 20, from: 50 << 20, to: 60 << 20)
    #expect(resumed.line(width: 200, now: start + .seconds(10)).hasSuffix(", 1.0 MiB/s, 40 s left"))
    let waiting = bar(size: 100 << 20, from: 50 << 20, to: 50 << 20)
    #expect(waiting.line(width: 200, now: start + .seconds(10)).hasSuffix(" of 100.0 MiB"))
    #expect(resumed.line(width: 200, now: start).hasSuffix(" of 100.0 MiB"))
  }

  @Test("whatever size a manifest says, there is a line")
  func sizes() {
    let huge = bar(size: .max, from: 0, to: 100)
    #expect(huge.line(width: 200, now: start + .seconds(100)).hasSuffix(", 1 B/s, 277777 h left"))
    let full = "[========================]"
    #expect(bar(size: 0, from: 0, to: 0).line(width: 200, now: start).contains(full))
    #expect(bar(size: 10, from: 0, to: 20).line(width: 200, now: start).contains(full))
  }
}
