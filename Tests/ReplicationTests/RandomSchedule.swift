/// A schedule, and the values that its fields have.
struct RandomSchedule {
  private struct Field {
    var text = ""
    var values: Set<Int> = []

    init(_ range: ClosedRange<Int>, using random: inout SeededGenerator) {
      for index in 0..<Int.random(in: 1...3, using: &random) {
        let ends = [Int.random(in: range, using: &random), Int.random(in: range, using: &random)].sorted()
        let step = Int.random(in: 1...range.upperBound, using: &random)
        if index > 0 { text += "," }
        switch Int.random(in: 0...4, using: &random) {
        case 0:
          text += "*"
          values.formUnion(range)
        case 1:
          text += "*/\(step)"
          values.formUnion(range.filter { ($0 - range.lowerBound) % step == 0 })
        case 2:
          text += "\(ends[0])-\(ends[1])"
          values.formUnion(ends[0]...ends[1])
        case 3:
          text += "\(ends[0])-\(ends[1])/\(step)"
          values.formUnion((ends[0]...ends[1]).filter { ($0 - ends[0]) % step == 0 })
        default:
          text += "\(ends[0])"
          values.insert(ends[0])
        }
      }
    }
  }

  private let fields: [Field]
  var text: String { fields.map(\.text).joined(separator: " ") }

  init(using random: inout SeededGenerator) {
    fields = [0...59, 0...23, 1...31, 1...12, 0...7].map { Field($0, using: &random) }
  }

  func next(after seconds: Int64) -> Int64? {
    // The first of January 1950 was a Sunday.
    var date = NaiveCalendar(startOf: 1950, dayOfWeek: 0)
    var day = NaiveCalendar.seconds("1950-01-01T00:00:00") / 86_400
    let lastDay = seconds / 86_400 + 366 * 50
    while day <= lastDay {
      if day * 86_400 + 86_400 > seconds, isMatching(date) {
        for hour in 0..<24 where fields[1].values.contains(hour) {
          for minute in 0..<60 where fields[0].values.contains(minute) {
            let time = day * 86_400 + Int64(hour * 3600 + minute * 60)
            if time > seconds { return time }
          }
        }
      }
      date.advance()
      day += 1
    }
    return nil
  }

  private func isMatching(_ date: NaiveCalendar) -> Bool {
    guard fields[3].values.contains(date.month) else { return false }
    let isDay = fields[2].values.contains(date.day)
    let isWeekday =
      fields[4].values.contains(date.dayOfWeek) || date.dayOfWeek == 0 && fields[4].values.contains(7)
    let hasStar = fields[2].text.hasPrefix("*") || fields[4].text.hasPrefix("*")
    return hasStar ? isDay && isWeekday : isDay || isWeekday
  }
}
