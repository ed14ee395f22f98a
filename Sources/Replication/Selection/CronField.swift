import ContainerImage

/// One of the five fields of a crontab's line: which values it can have, and how they are written.
struct CronField: Sendable {
  let name: String
  let range: ClosedRange<Int>
  /// The names of the values from the lowest on; none if there are only numbers.
  var names: [String] = []

  static let minute = CronField(name: "minute", range: 0...59)
  static let hour = CronField(name: "hour", range: 0...23)
  static let dayOfMonth = CronField(name: "day of the month", range: 1...31)
  static let month = CronField(
    name: "month", range: 1...12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
  /// 0 and 7 are Sunday.
  static let dayOfWeek = CronField(
    name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"])

  /// - Returns: with bit n set for the value n.
  /// - Throws: `InvalidValue.malformed`, which names the field.
  func values(_ text: Substring) throws(InvalidValue) -> UInt64 {
    var values: UInt64 = 0
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let span = try span(parts[0], of: text)
      let step = try parts.count == 1 ? 1 : step(parts[1], of: text)
      // Some programs take a number here as the start of a range, others take it alone.
      if parts.count == 2, span.count == 1, !parts[0].contains("-") {
        throw refusal(
          of: text,
          "\(item.quotedForMessage) has a step but no range: expected one such as "
            + "\(parts[0])-\(range.upperBound)/\(step) or */\(step)")
      }
      for value in stride(from: span.lowerBound, through: span.upperBound, by: step) {
        values |= 1 << UInt64(value)
      }
    }
    return values
  }

  private func span(_ item: Substring, of text: Substring) throws(InvalidValue) -> ClosedRange<Int> {
    guard item != "*" else { return range }
    let ends = item.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let lower = try value(ends[0], of: text)
    guard ends.count == 2 else { return lower...lower }
    var upper = try value(ends[1], of: text)
    // The end of fri-sun is the later one of the two Sundays.
    if upper < lower, let name = names.lastIndex(of: ends[1].lowercased()) { upper = range.lowerBound + name }
    guard lower <= upper else {
      throw refusal(
        of: text, "the range \(item.quotedForMessage) ends before it begins: write two, joined by a comma")
    }
    return lower...upper
  }

  private func step(_ step: Substring, of text: Substring) throws(InvalidValue) -> Int {
    guard let number = Self.number(step), (1...range.upperBound).contains(number) else {
      throw refusal(of: text, "\(step.quotedForMessage) is no step: expected 1 to \(range.upperBound)")
    }
    return number
  }

  private func value(_ value: Substring, of text: Substring) throws(InvalidValue) -> Int {
    if let name = names.firstIndex(of: value.lowercased()) { return range.lowerBound + name }
    guard let number = Self.number(value), range.contains(number) else {
      let orNames = names.isEmpty ? "" : ", or a name such as \(names[0])"
      throw refusal(
        of: text,
        "\(value.quotedForMessage) is none: expected \(range.lowerBound) to \(range.upperBound)\(orNames)")
    }
    return number
  }

  private func refusal(of text: Substring, _ reason: String) -> InvalidValue {
    .malformed("the schedule's \(name) \(text.quotedForMessage): \(reason)")
  }

  private static func number(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
  }
}
