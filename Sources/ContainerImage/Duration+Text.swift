extension Duration {
  private static var units: [(name: String, milliseconds: Int64)] {
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
  }

  /// `500ms`, `30s`, `5m`, `1h30m`, `7d`
  /// - Returns: nil for what is no duration, and for more than 2^55 milliseconds.
  public init?(parsing text: String) {
    var rest = text[...]
    var total: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let number = Int64(digits), let unit = Self.units.first(where: { $0.name == name }) else {
        return nil
      }
      let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
      guard !overflow, total < 1 << 55, product < 1 << 55 else { return nil }
      total += product
    }
    self = .milliseconds(total)
  }

  /// As `init(parsing:)` reads it, to the millisecond.
  public var shortText: String {
    var rest = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    var text = ""
    // Days are written as hours: 24h reads better than 1d for what is usually less.
    for unit in Self.units.dropFirst() where rest >= unit.milliseconds {
      text += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return text.isEmpty ? "0s" : text
  }
}
