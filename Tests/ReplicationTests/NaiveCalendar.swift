/// Days, counted one by one, so that it has nothing in common with what is tested.
struct NaiveCalendar {
  private(set) var year: Int
  private(set) var month = 1
  private(set) var day = 1
  /// Sunday is 0.
  private(set) var dayOfWeek: Int

  init(startOf year: Int, dayOfWeek: Int) {
    self.year = year
    self.dayOfWeek = dayOfWeek
  }

  mutating func advance() {
    dayOfWeek = (dayOfWeek + 1) % 7
    day += 1
    if day > Self.length(of: month, in: year) {
      day = 1
      month += 1
    }
    if month > 12 {
      month = 1
      year += 1
    }
  }

  static func length(of month: Int, in year: Int) -> Int {
    [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }

  private static func isLeap(_ year: Int) -> Bool { year % 400 == 0 || year % 4 == 0 && year % 100 != 0 }

  /// The seconds since 1970 of `2026-11-26T12:34:56`.
  static func seconds(_ text: String) -> Int64 {
    let parts = text.split { "-T:".contains($0) }.map { Int($0)! }
    var days = 0
    for year in min(parts[0], 1970)..<max(parts[0], 1970) { days += isLeap(year) ? 366 : 365 }
    if parts[0] < 1970 { days = -days }
    for month in 1..<parts[1] { days += length(of: month, in: parts[0]) }
    days += parts[2] - 1
    return Int64(((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5])
  }
}
