/// How often, and after how long, a request that failed for the moment is sent again.
public struct RetryPolicy: Sendable {
  /// Tries altogether, the first one included.
  public var attempts = 5
  /// Before the second try; doubled before each further one.
  public var delay = Duration.milliseconds(500)
  public var longestDelay = Duration.seconds(30)
  /// A server that asks for more patience than this (`Retry-After`) has failed.
  public var longestRetryAfter = Duration.seconds(120)

  public init() {}

  /// Statuses that another try may change.
  static func isTemporary(_ status: Int) -> Bool { [408, 425, 429, 500, 502, 503, 504].contains(status) }

  /// How long to wait before the next try; nil to give up.
  /// - Parameters:
  ///   - tries: that have failed.
  ///   - retryAfter: seconds, as the server says.
  func delay(after tries: Int, retryAfter: Int?) -> Duration? {
    guard tries < attempts else { return nil }
    if let retryAfter {
      let asked = Duration.seconds(max(0, retryAfter))
      return asked <= longestRetryAfter ? asked : nil
    }
    return min(longestDelay, delay * (1 << min(tries - 1, 16)))
  }
}
