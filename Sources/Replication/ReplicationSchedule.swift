import ContainerImage
import Mirroring
import Trust

/// When a rule runs.
public enum ReplicationSchedule: Sendable, CustomStringConvertible {
  /// So many seconds after it began the last time.
  case every(Int64)
  case cron(CronSchedule)

  /// A rule that runs all the time would leave no time for others.
  private static let shortest: Int64 = 10

  init(every node: JSONNode) throws(InvalidValue) {
    let seconds = try node.duration().components.seconds
    guard seconds >= Self.shortest else { throw node.failure("a rule runs every \(Self.shortest)s at most") }
    self = .every(seconds)
  }

  init(cron node: JSONNode) throws(InvalidValue) {
    let schedule = try node.parsed { text throws(InvalidValue) in try CronSchedule(parsing: text) }
    guard schedule.next(after: 0) != nil else { throw node.failure("there is never such a day") }
    self = .cron(schedule)
  }

  /// When the next run is, in seconds since 1970.
  /// - Parameter last: when the last one began; nil if there was none: what runs every so often begins at once then.
  func next(after last: Int64?, now: Int64) -> Int64 {
    switch self {
    case .every(let seconds): last.map { max($0 + seconds, now) } ?? now
    // What was missed while nothing ran is not made up for.
    case .cron(let schedule): schedule.next(after: now) ?? .max
    }
  }

  public var description: String {
    switch self {
    case .every(let seconds): "every \(Duration.seconds(seconds).shortText)"
    case .cron(let schedule): schedule.description
    }
  }
}
