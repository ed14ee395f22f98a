import Foundation
import Synchronization

/// A terminal of the kernel's, and what somebody would see on it: as much of a terminal as progress bars need.
final class PseudoTerminal: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var screen: TerminalScreen
    var isEnded = false
  }

  /// What a program gets as its standard error.
  let descriptor: Int32
  private let master: Int32
  private let state: Mutex<State>

  private static let unlock = UInt(0x4004_5431)  // TIOCSPTLCK
  private static let openPeer = UInt(0x5441)  // TIOCGPTPEER

  init(columns: Int, rows: Int) throws {
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var locked: Int32 = 0
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    guard master >= 0, ioctl(master, Self.unlock, &locked) == 0,
      ioctl(master, UInt(TIOCSWINSZ), &size) == 0
    else { throw PlainHTTP.Broken(description: "/dev/ptmx: \(Scratch.errnoText())") }
    descriptor = ioctl(master, Self.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
    state = Mutex(State(screen: TerminalScreen(columns: columns, rows: rows)))
    let master = master
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(master, &buffer, buffer.count)
        guard count > 0 else { break }
        state.withLock { state in
          state.bytes += buffer[..<count]
          for byte in buffer[..<count] { state.screen.take(byte) }
        }
      }
      close(master)
      state.withLock { $0.isEnded = true }
    }
  }

  /// Leaves the terminal to the programs that have it.
  func release() { close(descriptor) }

  /// Somebody types.
  func type(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
  }

  /// Waits until no program has it any more, and all that they wrote is there.
  func waitForEnd() async throws {
    while !state.withLock({ $0.isEnded }) { try await Task.sleep(for: .milliseconds(5)) }
  }

  /// All that was written.
  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

  /// What is on the screen, from its top to its last line with something in it.
  var lines: [String] { state.withLock { $0.screen.text } }
}

/// Characters in rows and columns, lines that wrap at the right edge, and the two sequences that move the cursor up and erase
/// what is below it (ECMA-48, CUU and ED).
struct TerminalScreen {
  private let columns: Int
  private let rows: Int
  private var cells: [[UInt8]] = [[]]
  private var row = 0
  private var column = 0
  private var sequence: [UInt8]?

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
  }

  /// With the lines that have gone off the top.
  var text: [String] {
    let lines = cells.map { String(decoding: $0, as: UTF8.self) }
    return Array(lines.prefix((lines.lastIndex { !$0.isEmpty } ?? -1) + 1))
  }

  mutating func take(_ byte: UInt8) {
    if var begun = sequence {
      begun.append(byte)
      sequence = begun
      if begun.count > 1, byte >= 0x40 { obey(begun) }
      return
    }
    switch byte {
    case 0x1b: sequence = []
    case UInt8(ascii: "\r"): column = 0
    case UInt8(ascii: "\n"): lineFeed()
    default: put(byte)
    }
  }

  private mutating func put(_ byte: UInt8) {
    if column == columns {
      column = 0
      lineFeed()
    }
    while cells[row].count <= column { cells[row].append(UInt8(ascii: " ")) }
    cells[row][column] = byte
    column += 1
  }

  private mutating func lineFeed() {
    row += 1
    if row == cells.count { cells.append([]) }
  }

  private mutating func obey(_ bytes: [UInt8]) {
    sequence = nil
    let number = Int(String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self))
    switch bytes.last {
    case UInt8(ascii: "A"):
      // The cursor does not leave the screen.
      row = max(row - (number ?? 1), max(0, cells.count - rows))
    case UInt8(ascii: "J"):
      cells[row] = Array(cells[row].prefix(column))
      cells.removeSubrange((row + 1)...)
    default: put(UInt8(ascii: "?"))
    }
  }
}
