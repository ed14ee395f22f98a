/// A time in the form of RFC 3339, section 5.6, with `T` between date and time (appc 0.8.11, types.md, "Timestamps Type").
enum Timestamp {
  static func isValid(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    guard let year = number(&rest, 4), take(&rest, "-"), let month = number(&rest, 2), take(&rest, "-"),
      let day = number(&rest, 2), take(&rest, "T"), let hour = number(&rest, 2), take(&rest, ":"),
      let minute = number(&rest, 2), take(&rest, ":"), let second = number(&rest, 2),
      (1...12).contains(month), (1...days(in: month, of: year)).contains(day), hour < 24, minute < 60,
      second < 60
    else { return false }
    if take(&rest, ".") {
      let digits = rest.prefix { isDigit($0) }
      if digits.isEmpty { return false }
      rest = rest.dropFirst(digits.count)
    }
    if take(&rest, "Z") { return rest.isEmpty }
    guard take(&rest, "+") || take(&rest, "-"), let hours = number(&rest, 2), take(&rest, ":"),
      let minutes = number(&rest, 2)
    else { return false }
    return rest.isEmpty && hours < 24 && minutes < 60
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func number(_ rest: inout ArraySlice<UInt8>, _ digits: Int) -> Int? {
    let text = rest.prefix(digits)
    guard text.count == digits, text.allSatisfy(isDigit) else { return nil }
    rest = rest.dropFirst(digits)
    return text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private static func take(_ rest: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
