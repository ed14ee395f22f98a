/// A time in the form of RFC 3339, section 5.6, with `T` between date and time.
package struct RFC3339Time: Sendable, Hashable {
  /// Without the fraction of a second.
  package let secondsSince1970: Int64

  /// - Returns: nil if the text is no such time. A leap second is none.
  package init?(_ text: String) {
    var rest = Array(text.utf8)[...]
    guard let year = Self.number(&rest, 4), Self.take(&rest, "-"), let month = Self.number(&rest, 2),
      Self.take(&rest, "-"), let day = Self.number(&rest, 2), Self.take(&rest, "T"),
      let hour = Self.number(&rest, 2), Self.take(&rest, ":"), let minute = Self.number(&rest, 2),
      Self.take(&rest, ":"), let second = Self.number(&rest, 2), (1...12).contains(month),
      (1...Self.days(in: month, of: year)).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    if Self.take(&rest, ".") {
      let digits = rest.prefix { Self.isDigit($0) }
      if digits.isEmpty { return nil }
      rest = rest.dropFirst(digits.count)
    }
    var offset = 0
    if !Self.take(&rest, "Z") {
      let isEast = Self.take(&rest, "+")
      guard isEast || Self.take(&rest, "-"), let hours = Self.number(&rest, 2), Self.take(&rest, ":"),
        let minutes = Self.number(&rest, 2), hours < 24, minutes < 60
      else { return nil }
      offset = (isEast ? 1 : -1) * (hours * 60 + minutes) * 60
    }
    guard rest.isEmpty else { return nil }
    let days = Self.daysSince1970(year: year, month: month, day: day)
    secondsSince1970 = Int64(days * 86400 + hour * 3600 + minute * 60 + second - offset)
  }

  /// Of the Gregorian calendar, also before it was in use.
  /// - Parameters:
  ///   - year: 0 to 9999.
  ///   - month: 1 to 12.
  package static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    // Years begin in March, so that a leap day is the last of its year; 400 years, which have 146097 days whichever
    // they are, go before them, so that none is negative.
    let marchYear = (month > 2 ? year : year - 1) + 400
    let monthsSinceMarch = (month + 9) % 12
    let daysBeforeYear = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400
    let daysBeforeMonth = (153 * monthsSinceMarch + 2) / 5
    return daysBeforeYear + daysBeforeMonth + day - 1 - 719_468 - 146_097
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
