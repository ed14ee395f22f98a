/// Sees to it that a registry is not asked more than it bears, whoever asks. Its functions are called by several threads at
/// once, and may block.
public protocol RequestGate: Sendable {
  /// A request is about to be sent.
  /// - Throws: `TransferError` if the registry is not to be asked now, nor soon.
  func enter() throws

  /// The registry answered.
  /// - Parameters:
  ///   - start: when it was asked.
  ///   - retryAfter: seconds, as it says.
  func answered(
    status: Int, retryAfter: Int?, limits: RateLimitHeaders, since start: ContinuousClock.Instant)

  /// It could not be reached.
  func failed(reason: String, since start: ContinuousClock.Instant)
}
