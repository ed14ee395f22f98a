#if canImport(Glibc)
  import Glibc
#endif

/// The time of day as logs have it: RFC 3339 in UTC with milliseconds.
enum Timestamp {
  static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return text(time)
  }

  /// - Parameter seconds: since 1970.
  static func text(_ seconds: Int64) -> String { text(timespec(tv_sec: Int(seconds), tv_nsec: 0)) }

  private static func text(_ time: timespec) -> String {
    var time = time
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return padded(Int(parts.tm_year) + 1900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
      + padded(Int(parts.tm_mday), 2) + "T" + padded(Int(parts.tm_hour), 2) + ":"
      + padded(Int(parts.tm_min), 2) + ":" + padded(Int(parts.tm_sec), 2) + "."
      + padded(time.tv_nsec / 1_000_000, 3) + "Z"
  }
}
