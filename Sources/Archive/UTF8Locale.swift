import CArchive

/// Makes libarchive take names as UTF-8, whatever the process's locale is: it converts what PAX headers have to the
/// locale of the thread, and keeps the bytes of what it cannot convert. Changes nothing but this thread, for the time
/// of a call.
final class UTF8Locale {
  private let locale = kontor_utf8_locale()

  deinit {
    if let locale { kontor_free_locale(locale) }
  }

  func use<Result>(_ body: () throws -> Result) rethrows -> Result {
    // In the C locale, which a process without setlocale(3) has, names outside of ASCII are kept as bytes.
    guard let locale else { return try body() }
    let before = kontor_use_locale(locale)
    defer { _ = kontor_use_locale(before) }
    return try body()
  }
}
