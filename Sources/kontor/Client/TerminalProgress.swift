import ContainerImage
import Dispatch
import ImageTransfer
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Shows on standard error how a copy goes: with a bar for each blob under way on a terminal, with a line for each that is
/// done elsewhere.
final class TerminalProgress: CopyProgress {
  private struct Bar {
    let blob: Descriptor
    let start: ContinuousClock.Instant
    var position: Int64 = 0
  }

  private struct State {
    var total = 0
    var done = 0
    var bars: [Bar] = []
    /// Lines that are drawn and have to be drawn over.
    var drawn = 0
    var timer: (any DispatchSourceTimer)?
  }

  private let isTerminal: Bool
  private let isDryRun: Bool
  private let state = Mutex(State())

  static func make(isDryRun: Bool) -> TerminalProgress {
    let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    return TerminalProgress(isTerminal: isatty(STDERR_FILENO) == 1 && !dumb, isDryRun: isDryRun)
  }

  private init(isTerminal: Bool, isDryRun: Bool) {
    self.isTerminal = isTerminal
    self.isDryRun = isDryRun
  }

  func begin(_ blobs: [Descriptor]) {
    state.withLock { state in
      state.total = blobs.count
      guard isTerminal, !blobs.isEmpty else { return }
      let timer = DispatchSource.makeTimerSource()
      timer.schedule(deadline: .now() + .milliseconds(100), repeating: .milliseconds(100))
      timer.setEventHandler { [weak self] in self?.state.withLock { self?.draw(&$0) } }
      timer.resume()
      state.timer = timer
    }
  }

  func moved(_ blob: Descriptor, to position: Int64) {
    guard isTerminal else { return }
    state.withLock { state in
      if let index = state.bars.firstIndex(where: { $0.blob.digest == blob.digest }) {
        state.bars[index].position = position
      } else {
        state.bars.append(Bar(blob: blob, start: .now, position: position))
      }
    }
  }

  func isPresent(_ blob: Descriptor) { finish(blob, "present") }

  func isDone(_ blob: Descriptor) { finish(blob, isDryRun ? "would copy" : "copied") }

  func end() {
    state.withLock { state in
      state.timer?.cancel()
      state.timer = nil
      state.bars = []
      if isTerminal { draw(&state) }
    }
  }

  private func finish(_ blob: Descriptor, _ what: String) {
    state.withLock { state in
      state.done += 1
      state.bars.removeAll { $0.blob.digest == blob.digest }
      let line =
        "\(what) \(Self.short(blob.digest)) \(Self.size(blob.size)) (\(state.done) of \(state.total))"
      if isTerminal {
        erase(&state)
        write(line + "\n")
        draw(&state)
      } else {
        write(line + "\n")
      }
    }
  }

  private func erase(_ state: inout State) {
    if state.drawn > 0 { write("\u{1b}[\(state.drawn)A\u{1b}[J") }
    state.drawn = 0
  }

  private func draw(_ state: inout State) {
    var text = state.drawn > 0 ? "\u{1b}[\(state.drawn)A\u{1b}[J" : ""
    for bar in state.bars { text += Self.line(bar) + "\n" }
    state.drawn = state.bars.count
    write(text)
  }

  private static let width = 24

  private static func line(_ bar: Bar) -> String {
    let share = bar.blob.size > 0 ? Double(bar.position) / Double(bar.blob.size) : 1
    let filled = Int(min(1, share) * Double(width))
    let elapsed = ContinuousClock.now - bar.start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let rate = seconds > 0.5 ? Double(bar.position) / seconds : 0
    let left = rate > 0 ? Int(Double(bar.blob.size - bar.position) / rate) : nil
    let bars = String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
    return "\(short(bar.blob.digest)) [\(bars)] \(size(bar.position)) of \(size(bar.blob.size))"
      + (rate > 0 ? ", \(size(Int64(rate)))/s" : "") + (left.map { ", \(time($0)) left" } ?? "")
  }

  private static func time(_ seconds: Int) -> String {
    seconds < 60 ? "\(seconds) s" : seconds < 3600 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }

  private static func short(_ digest: Digest) -> String {
    "\(digest.algorithm.rawValue):\(digest.encoded.prefix(12))"
  }

  static func size(_ bytes: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return unit == 0 ? "\(bytes) B" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }

  private func write(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
