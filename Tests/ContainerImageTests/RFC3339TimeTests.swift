import Foundation
import Testing

@testable import ContainerImage

@Suite struct RFC3339TimeTests {
  @Test(arguments: [
    "2004-05-14T23:11:14+00:00", "2001-02-03T04:05:06Z", "2014-11-14T17:36:54-08:00",
    "2014-10-27T19:32:27.67021798Z", "2016-02-29T00:00:00Z", "2015-05-18T13:49:28.351729952-04:00",
  ])
  func aTimeIsTaken(_ text: String) {
    #expect(RFC3339Time(text) != nil)
  }

  @Test(arguments: [
    "", "garbage", "1416015188", "Fri Nov 14 17:53:02 PST 2014", "2014-11-1417:36:54", "2014-11-14 17:36:54Z",
    "2014-11-14T17:36:54", "2014-13-14T17:36:54Z", "2015-02-29T17:36:54Z", "2014-11-14T24:36:54Z",
    "2014-11-14T17:36:54.Z", "2014-11-14T17:36:54Zx", "2014-11-14T17:36:54+0100",
  ])
  func noTimeIsRefused(_ text: String) {
    #expect(RFC3339Time(text) == nil)
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59Z", -1), ("2000-02-29T12:00:00Z", 951_825_600),
    ("2022-04-06T07:01:20Z", 1_649_228_480), ("2022-04-06T15:01:20+08:00", 1_649_228_480),
    ("2022-04-06T00:31:20-06:30", 1_649_228_480), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ("0000-01-01T00:00:00Z", -62_167_219_200), ("2022-04-06T07:01:20.999Z", 1_649_228_480),
  ])
  func aTimeIsSecondsSince1970(_ text: String, seconds: Int64) throws {
    #expect(try #require(RFC3339Time(text)).secondsSince1970 == seconds)
  }

  @Test func daysAreThoseOfFoundation() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    for year in stride(from: 1890, to: 2410, by: 1) {
      for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
        let date = try #require(calendar.date(from: DateComponents(year: year, month: month, day: day)))
        #expect(
          RFC3339Time.daysSince1970(year: year, month: month, day: day)
            == Int((date.timeIntervalSince1970 / 86400).rounded()))
      }
    }
  }
}
