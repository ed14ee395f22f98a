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
  private struct State {
    var total = 0
    var done = 0
    var bars: [ProgressBar] = []
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
        state.bars.append(ProgressBar(blob, position: position))
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
        "\(what) \(ProgressBar.short(blob.digest)) \(ProgressBar.size(blob.size)) "
        + "(\(state.done) of \(state.total))"
      if isTerminal {
        draw(&state, below: line + "\n")
      } else {
        write(line + "\n")
      }
    }
  }

  /// Never more than the terminal shows: what has gone off its upper edge, or over its right one, is not drawn over.
  /// - Parameter line: stays above the bars.
  private func draw(_ state: inout State, below line: String = "") {
    let (columns, rows) = Self.terminalSize
    var lines = state.bars.prefix(rows - 1).map { $0.line(width: columns - 1) }
    if state.bars.count > lines.count {
      lines[lines.count - 1] = String("and \(state.bars.count - lines.count + 1) more".prefix(columns - 1))
    }
    let erasing = state.drawn > 0 ? "\u{1b}[\(state.drawn)A\u{1b}[J" : ""
    state.drawn = lines.count
    write(erasing + line + lines.map { $0 + "\n" }.joined())
  }

  /// Asked anew each time, as its user may change it.
  private static var terminalSize: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), max(2, Int(size.ws_row)))
  }

  private func write(_ text: String) {
    guard !text.isEmpty else { return }
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
