import ContainerImage

/// The minutes of a crontab's line, in UTC: `30 4 * * 1-5`, `*/15 * * * *`, `@daily`.
///
/// The fields are minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec) and day of the week (0-7 or
/// sun-sat; 0 and 7 are Sunday). Each is a list, joined by commas, of values, ranges `a-b` and all of them `*`; behind a
/// range or `*`, `/n` takes every nth. If both the day of the month and the day of the week are restricted, either is
/// enough: `0 0 13 * fri` is every 13th and every Friday. A field that begins with `*`, also `*/2`, is not restricted in
/// that sense, and then both have to match.
///
/// Source: crontab(5) of Vixie cron (ISC Cron 4.1), and its entry.c for what begins with `*`.
public struct CronSchedule: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  // Bit n is the value n.
  private let minutes: UInt64
  private let hours: UInt64
  private let daysOfMonth: UInt64
  private let months: UInt64
  /// Sunday is 0 only.
  private let daysOfWeek: UInt64
  private let isEitherDayEnough: Bool

  private static let named = [
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
  ]

  /// - Throws: `InvalidValue.malformed`, not for a date that never is (`0 0 30 2 *`): `next(after:)` is nil then.
  public init(parsing text: String) throws(InvalidValue) {
    let words = (Self.named[text.lowercased()] ?? text).split { $0 == " " || $0 == "\t" }
    guard words.count == 5 else {
      throw .malformed(
        "\(text.quotedForMessage) is no schedule: expected the five fields minute, hour, day of the month, month and day "
          + "of the week, such as 30 4 * * 1-5, or @hourly, @daily, @weekly, @monthly or @yearly")
    }
    minutes = try CronField.minute.values(words[0])
    hours = try CronField.hour.values(words[1])
    daysOfMonth = try CronField.dayOfMonth.values(words[2])
    months = try CronField.month.values(words[3])
    let weekdays = try CronField.dayOfWeek.values(words[4])
    daysOfWeek = (weekdays | weekdays >> 7) & 0b111_1111
    isEitherDayEnough = !words[2].hasPrefix("*") && !words[4].hasPrefix("*")
    description = text
  }

  /// The first of the schedule's minutes that begins after a time, both in seconds since 1970 in UTC.
  ///
  /// - Returns: nil if there is none, or only beyond the range of `Int64`.
  public func next(after seconds: Int64) -> Int64? {
    let (day, second) = seconds.dividedDown(by: 86_400)
    var month = CalendarMonth(of: day)
    let dayOfMonth = Int(day - month.firstDay) + 1
    if firstDay(of: month, from: dayOfMonth) == dayOfMonth,
      let minute = firstMinute(from: Int(second / 60) + 1)
    {
      return Self.seconds(day, minute)
    }
    guard let minute = firstMinute(from: 0) else { return nil }
    var start = dayOfMonth + 1
    // After 400 years the calendar repeats itself, days of the week included.
    for _ in 0...4800 {
      if let found = firstDay(of: month, from: start) {
        return Self.seconds(month.firstDay + Int64(found - 1), minute)
      }
      month.advance()
      start = 1
    }
    return nil
  }

  private static func seconds(_ day: Int64, _ minute: Int) -> Int64? {
    let (midnight, overflow) = day.multipliedReportingOverflow(by: 86_400)
    let (seconds, secondOverflow) = midnight.addingReportingOverflow(Int64(minute * 60))
    return overflow || secondOverflow ? nil : seconds
  }

  private func firstDay(of month: CalendarMonth, from start: Int) -> Int? {
    guard Self.has(months, month.month), start <= month.length else { return nil }
    return (start...month.length).first { day in
      let isDayOfMonth = Self.has(daysOfMonth, day)
      let isDayOfWeek = Self.has(daysOfWeek, month.dayOfWeek(day))
      return isEitherDayEnough ? isDayOfMonth || isDayOfWeek : isDayOfMonth && isDayOfWeek
    }
  }

  /// - Parameter start: a minute of the day, or 1440 for none.
  private func firstMinute(from start: Int) -> Int? {
    for hour in start / 60..<24 where Self.has(hours, hour) {
      let left = hour == start / 60 ? minutes & (.max << UInt64(start % 60)) : minutes
      if left != 0 { return hour * 60 + left.trailingZeroBitCount }
    }
    return nil
  }

  private static func has(_ values: UInt64, _ value: Int) -> Bool { values >> UInt64(value) & 1 == 1 }
}

/// A month of the Gregorian calendar, also before it was in use.
private struct CalendarMonth {
  private(set) var year: Int64
  /// 1 to 12
  private(set) var month: Int
  /// In days since 1970.
  private(set) var firstDay: Int64

  /// The month of a day in days since 1970.
  ///
  /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
  init(of day: Int64) {
    // Years begin in March, so that a leap day is the last of its year; 719468 days lead from one such year to 1970.
    let (era, dayOfEra) = (day + 719_468).dividedDown(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthsSinceMarch = (5 * dayOfYear + 2) / 153
    month = Int(monthsSinceMarch < 10 ? monthsSinceMarch + 3 : monthsSinceMarch - 9)
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    firstDay = day - (dayOfYear - (153 * monthsSinceMarch + 2) / 5)
  }

  mutating func advance() {
    firstDay += Int64(length)
    month = month % 12 + 1
    if month == 1 { year += 1 }
  }

  var length: Int {
    switch month {
    case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// - Returns: 0 for Sunday.
  func dayOfWeek(_ day: Int) -> Int {
    // The first of January 1970 was a Thursday.
    Int((firstDay + Int64(day - 1) + 4).dividedDown(by: 7).remainder)
  }
}

extension Int64 {
  /// With a remainder that is not negative.
  fileprivate func dividedDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
