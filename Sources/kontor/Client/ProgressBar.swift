import ContainerImage

/// A blob under way, as one line of a terminal.
struct ProgressBar {
  let blob: Descriptor
  /// Bytes that are there, with those of an earlier copy.
  var position: Int64
  private let first: Int64
  private let start: ContinuousClock.Instant

  private static let widest = 24
  private static let narrowest = 4

  init(_ blob: Descriptor, position: Int64, now: ContinuousClock.Instant = .now) {
    self.blob = blob
    self.position = position
    first = position
    start = now
  }

  /// - Parameter width: of the line at most, in columns. The bar is shortened first, then left out, then the text is cut.
  func line(width: Int, now: ContinuousClock.Instant = .now) -> String {
    let name = Self.short(blob.digest)
    let amounts = "\(Self.size(position)) of \(Self.size(blob.size))\(rate(now))"
    let room = width - name.utf8.count - amounts.utf8.count - " [] ".utf8.count
    let line =
      room < Self.narrowest
      ? "\(name) \(amounts)" : "\(name) [\(bar(min(room, Self.widest)))] \(amounts)"
    return String(line.prefix(max(0, width)))
  }

  private func bar(_ width: Int) -> String {
    let share = blob.size > 0 ? Double(position) / Double(blob.size) : 1
    let filled = Int(min(1, share) * Double(width))
    return String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
  }

  /// What came in this copy, in the mean; nothing until there is enough to tell.
  private func rate(_ now: ContinuousClock.Instant) -> String {
    let seconds = (now - start) / .seconds(1)
    let rate = Double(position - first) / seconds
    guard seconds > 0.5, rate >= 1 else { return "" }
    // A size may be any number that a manifest says.
    let left = min(Double(blob.size - position) / rate, 1e9)
    return ", \(Self.size(Int64(rate)))/s, \(Self.time(Int(left))) left"
  }

  private static func time(_ seconds: Int) -> String {
    seconds < 60 ? "\(seconds) s" : seconds < 3600 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }

  static func short(_ digest: Digest) -> String {
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
}
