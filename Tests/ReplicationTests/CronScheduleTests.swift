import ContainerImage
import Testing

@testable import Replication

@Suite struct CronScheduleTests {
  /// The times that follow the first one.
  @Test(arguments: [
    // Every minute: the next one begins after the time, not with it.
    ("* * * * *", ["2026-11-26T12:34:00", "2026-11-26T12:35:00", "2026-11-26T12:36:00"]),
    ("* * * * *", ["2026-11-26T12:34:59", "2026-11-26T12:35:00"]),
    ("* * * * *", ["2026-12-31T23:59:59", "2027-01-01T00:00:00"]),
    // Steps, ranges and lists.
    (
      "*/15 * * * *",
      ["2026-11-26T12:34:56", "2026-11-26T12:45:00", "2026-11-26T13:00:00", "2026-11-26T13:15:00"]
    ),
    (
      "*/25 * * * *",
      ["2026-11-26T12:00:00", "2026-11-26T12:25:00", "2026-11-26T12:50:00", "2026-11-26T13:00:00"]
    ),
    ("10-40/10 8-10/2 * * *", ["2026-11-26T10:39:00", "2026-11-26T10:40:00", "2026-11-27T08:10:00"]),
    ("5,3,59 23 * * *", ["2026-11-26T23:05:00", "2026-11-26T23:59:00", "2026-11-27T23:03:00"]),
    (
      "0-5/2,58-59,30 0 * * *",
      ["2026-01-01T00:02:00", "2026-01-01T00:04:00", "2026-01-01T00:30:00", "2026-01-01T00:58:00"]
    ),
    ("05 04 * * *", ["2026-01-01T04:05:00", "2026-01-02T04:05:00"]),
    ("7-7 * * * *", ["2026-01-01T04:05:00", "2026-01-01T04:07:00", "2026-01-01T05:07:00"]),
    ("\t0  3 *\t* * ", ["2026-01-01T04:05:00", "2026-01-02T03:00:00"]),
    // Months and days by name, in either case; Sunday is 0 and 7.
    ("0 0 1 jan,JUL *", ["2026-01-01T00:00:00", "2026-07-01T00:00:00", "2027-01-01T00:00:00"]),
    (
      "0 0 1 oct-dec *",
      ["2026-10-01T00:00:00", "2026-11-01T00:00:00", "2026-12-01T00:00:00", "2027-10-01T00:00:00"]
    ),
    ("0 0 * * 0", ["2026-11-26T00:00:00", "2026-11-29T00:00:00", "2026-12-06T00:00:00"]),
    ("0 0 * * 7", ["2026-11-26T00:00:00", "2026-11-29T00:00:00", "2026-12-06T00:00:00"]),
    ("0 0 * * Sun", ["2026-11-26T00:00:00", "2026-11-29T00:00:00"]),
    ("0 9 * * mon-fri", ["2026-11-26T09:00:00", "2026-11-27T09:00:00", "2026-11-30T09:00:00"]),
    (
      "0 9 * * fri-sun",
      [
        "2026-11-26T09:00:00", "2026-11-27T09:00:00", "2026-11-28T09:00:00", "2026-11-29T09:00:00",
        "2026-12-04T09:00:00",
      ]
    ),
    ("0 9 * * 5-7", ["2026-11-28T09:00:00", "2026-11-29T09:00:00", "2026-12-04T09:00:00"]),
    ("0 9 * * 0-7/7", ["2026-11-26T09:00:00", "2026-11-29T09:00:00", "2026-12-06T09:00:00"]),
    (
      "0 9 * * sun-tue",
      ["2026-11-26T09:00:00", "2026-11-29T09:00:00", "2026-11-30T09:00:00", "2026-12-01T09:00:00"]
    ),
    // Ends of months and leap years.
    (
      "0 0 31 * *",
      [
        "2026-01-31T00:00:00", "2026-03-31T00:00:00", "2026-05-31T00:00:00", "2026-07-31T00:00:00",
        "2026-08-31T00:00:00",
      ]
    ),
    ("0 0 30 * *", ["2026-01-30T00:00:00", "2026-03-30T00:00:00"]),
    ("0 0 29 2 *", ["2026-01-01T00:00:00", "2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
    ("0 0 29 feb *", ["2096-02-29T00:00:00", "2104-02-29T00:00:00"]),
    ("0 0 29 2 *", ["1999-03-01T00:00:00", "2000-02-29T00:00:00", "2004-02-29T00:00:00"]),
    ("59 23 28-31 2 *", ["2028-02-28T23:59:00", "2028-02-29T23:59:00", "2029-02-28T23:59:00"]),
    ("0 0 1 3 *", ["2100-02-28T23:59:59", "2100-03-01T00:00:00"]),
    // Both kinds of days: either is enough, unless one of the fields begins with a star.
    (
      "30 4 1,15 * 5",
      [
        "2026-11-26T00:00:00", "2026-11-27T04:30:00", "2026-12-01T04:30:00", "2026-12-04T04:30:00",
        "2026-12-11T04:30:00", "2026-12-15T04:30:00", "2026-12-18T04:30:00",
      ]
    ),
    ("0 0 13 * fri", ["2026-11-06T00:00:00", "2026-11-13T00:00:00", "2026-11-20T00:00:00"]),
    (
      "0 0 13 2 fri",
      ["2026-12-01T00:00:00", "2027-02-05T00:00:00", "2027-02-12T00:00:00", "2027-02-13T00:00:00"]
    ),
    (
      "0 0 */2 * mon",
      ["2026-11-01T00:00:00", "2026-11-09T00:00:00", "2026-11-23T00:00:00", "2026-12-07T00:00:00"]
    ),
    (
      "0 0 13 * */5",
      ["2026-11-01T00:00:00", "2026-11-13T00:00:00", "2026-12-13T00:00:00", "2027-06-13T00:00:00"]
    ),
    ("0 0 1-31 * mon", ["2026-11-26T00:00:00", "2026-11-27T00:00:00"]),
    ("0 0 13 * 0-6", ["2026-11-26T00:00:00", "2026-11-27T00:00:00"]),
    ("0 0 30 2 mon", ["2026-11-26T00:00:00", "2027-02-01T00:00:00", "2027-02-08T00:00:00"]),
    (
      "0 0 */28 2 thu",
      ["2026-11-26T00:00:00", "2029-02-01T00:00:00", "2035-02-01T00:00:00", "2046-02-01T00:00:00"]
    ),
    // Names of schedules.
    ("@hourly", ["2026-11-26T12:00:00", "2026-11-26T13:00:00"]),
    ("@daily", ["2026-11-26T12:00:00", "2026-11-27T00:00:00"]),
    ("@midnight", ["2026-11-26T12:00:00", "2026-11-27T00:00:00"]),
    ("@Weekly", ["2026-11-26T12:00:00", "2026-11-29T00:00:00"]),
    ("@monthly", ["2026-11-26T12:00:00", "2026-12-01T00:00:00"]),
    ("@yearly", ["2026-11-26T12:00:00", "2027-01-01T00:00:00"]),
    ("@annually", ["2026-11-26T12:00:00", "2027-01-01T00:00:00"]),
    // Long ago and far away.
    ("0 0 1 1 *", ["1969-06-01T00:00:00", "1970-01-01T00:00:00"]),
    ("* * * * *", ["1969-12-31T23:58:30", "1969-12-31T23:59:00", "1970-01-01T00:00:00"]),
    ("0 12 * * thu", ["0001-01-01T00:00:00", "0001-01-04T12:00:00"]),
    ("0 0 29 2 *", ["9999-12-31T23:59:59", "10000-02-29T00:00:00"]),
    ("0 0 1 1 *", ["250000-05-05T00:00:00", "250001-01-01T00:00:00"]),
  ])
  func theNextTimesFollow(schedule: String, times: [String]) throws {
    let parsed = try CronSchedule(parsing: schedule)
    #expect(parsed.description == schedule)
    for (time, next) in zip(times, times.dropFirst()) {
      #expect(parsed.next(after: NaiveCalendar.seconds(time)) == NaiveCalendar.seconds(next), "after \(time)")
    }
  }

  @Test(arguments: ["0 0 30 2 *", "0 0 31 feb,apr,jun,sep,nov *", "* * 30-31 2 *", "0 0 31 4 */2"])
  func whatNeverIsHasNoNextTime(schedule: String) throws {
    #expect(try CronSchedule(parsing: schedule).next(after: 0) == nil)
  }

  @Test func theEndsOfTimeAreNoTrap() throws {
    let yearly = try CronSchedule(parsing: "@yearly")
    #expect(yearly.next(after: .max) == nil)
    #expect(yearly.next(after: .max - 86_400 * 1000).map { $0 > 0 } ?? true)
    let first = try #require(yearly.next(after: .min))
    #expect(first < .min + 367 * 86_400)
    #expect(try CronSchedule(parsing: "* * * * *").next(after: .max - 60) != nil)
    #expect(try CronSchedule(parsing: "0 0 30 2 *").next(after: .max) == nil)
    #expect(try CronSchedule(parsing: "0 0 30 2 *").next(after: .min) == nil)
  }

  @Test(arguments: [
    ("", "\"\" is no schedule: expected the five fields"), ("* * * *", "\"* * * *\" is no schedule"),
    ("* * * * * *", "is no schedule"), ("@reboot", "is no schedule"), ("@every 5m", "is no schedule"),
    ("daily", "is no schedule"), ("* * * * *\n", "the schedule's day of the week"),
    ("60 * * * *", "the schedule's minute \"60\": \"60\" is none: expected 0 to 59"),
    ("* 24 * * *", "the schedule's hour \"24\": \"24\" is none: expected 0 to 23"),
    ("* * 0 * *", "the schedule's day of the month \"0\": \"0\" is none: expected 1 to 31"),
    ("* * 32 * *", "expected 1 to 31"),
    ("* * * 0 *", "the schedule's month \"0\": \"0\" is none: expected 1 to 12, or a name such as jan"),
    ("* * * 13 *", "expected 1 to 12"), ("* * * january *", "\"january\" is none"),
    ("* * * mon *", "month \"mon\""),
    (
      "* * * * 8",
      "the schedule's day of the week \"8\": \"8\" is none: expected 0 to 7, or a name such as sun"
    ),
    ("* * * * jan", "day of the week \"jan\""), ("jan * * * *", "minute \"jan\""),
    ("*/0 * * * *", "minute \"*/0\": \"0\" is no step: expected 1 to 59"), ("*/60 * * * *", "is no step"),
    ("* */24 * * *", "is no step: expected 1 to 23"), ("*/ * * * *", "\"\" is no step"),
    ("*/x * * * *", "is no step"),
    ("*/5/5 * * * *", "\"5/5\" is no step"), ("*/-5 * * * *", "is no step"),
    ("5/15 * * * *", "\"5/15\" has a step but no range: expected one such as 5-59/15 or */15"),
    ("* 22-2 * * *", "hour \"22-2\": the range \"22-2\" ends before it begins"),
    ("* * * * sat-mon", "ends before"),
    ("* * * nov-feb *", "ends before"), ("* * * * 5-0", "ends before"),
    ("1, * * * *", "\"\" is none"), (",1 * * * *", "\"\" is none"), ("1,,2 * * * *", "\"\" is none"),
    ("1- * * * *", "\"\" is none"), ("-1 * * * *", "\"\" is none"), ("1-2-3 * * * *", "\"2-3\" is none"),
    ("+1 * * * *", "\"+1\" is none"), ("1.5 * * * *", "\"1.5\" is none"), ("? * * * *", "\"?\" is none"),
    ("* * L * *", "\"L\" is none"), ("* * 15W * *", "\"15W\" is none"), ("* * * * 5#3", "\"5#3\" is none"),
    ("** * * * *", "\"**\" is none"), ("*-5 * * * *", "\"*\" is none"), ("٣ * * * *", "is none"),
    ("99999999999999999999 * * * *", "is none"), ("H * * * *", "\"H\" is none"),
    ("~ * * * *", "\"~\" is none"),
  ])
  func whatIsNoScheduleIsRefusedWithAReason(text: String, reason: String) {
    let error = #expect(throws: InvalidValue.self) { try CronSchedule(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  /// Against a walk through a calendar that counts days, for schedules whose values are known.
  @Test func anyScheduleIsAsAWalkThroughTheCalendarFindsIt() throws {
    var random = SeededGenerator(seed: 6)
    for _ in 0..<150 {
      let schedule = RandomSchedule(using: &random)
      let parsed = try CronSchedule(parsing: schedule.text)
      let start = Int64.random(in: -100_000_000...8_000_000_000, using: &random)
      #expect(parsed.next(after: start) == schedule.next(after: start), "\(schedule.text) after \(start)")
    }
  }

  @Test func manyYearsAreNoLongWay() throws {
    let schedules = try ["0 0 30 2 *", "0 0 29 2 *", "0 0 */28 2 thu"].map { try CronSchedule(parsing: $0) }
    for seconds in stride(from: Int64(0), to: 4_000_000_000, by: 200_000_000) {
      #expect(schedules[0].next(after: seconds) == nil)
      for schedule in schedules.dropFirst() { #expect(try #require(schedule.next(after: seconds)) > seconds) }
    }
  }
}
