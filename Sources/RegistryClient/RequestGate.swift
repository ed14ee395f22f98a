/// Sees to it that a registry is not asked more than it bears, whoever asks. Its functions are called by several threads at
/// once, and may block.
public protocol RequestGate: Sendable {
  /// A request is about to be sent.
  /// - Throws: `TransferError.cancelled`
  func enter() throws

  /// The registry answered.
  /// - Parameters:
  ///   - start: when it was asked.
  ///   - retryAfter: seconds, as it says.
  func answered(
    status: Int, retryAfter: Int?, limits: RateLimitHeaders, since start: ContinuousClock.Instant)

  /// It could not be reached.
  /// - Parameter isLast: whether it is not tried again.
  func failed(reason: String, since start: ContinuousClock.Instant, isLast: Bool)
}
