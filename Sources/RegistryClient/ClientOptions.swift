import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// How a client behaves, whatever the registry.
public struct ClientOptions: Sendable {
  /// Asks over HTTP, without trying TLS.
  public var usesPlainHTTP = false
  /// Takes any certificate, and HTTP where there is no TLS.
  public var skipsVerification = false
  /// Where connections to some hosts go instead.
  public var detours: [ConnectionDetour] = []
  /// Paths of PEM files with certificate authorities, to be trusted as well as the system's.
  public var authorities: [String] = []
  /// Instead of those that are stored.
  public var credentials: Credentials?
  public var retries = RetryPolicy()
  /// Seconds without a byte after which a connection counts as broken; nil for the usual.
  public var longestSilence: Int?
  public var userAgent = "kontor/0.1.0"
  /// Is told of each request to the registry, and may let it wait; nil for none.
  public var gate: (any RequestGate)?
  /// Asked several times a second while something waits; true ends it with `TransferError.cancelled`.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}

  /// - Throws: `ConnectionFailure` when cancelled.
  func wait(_ duration: Duration) throws {
    let end = ContinuousClock.now.advanced(by: duration)
    while ContinuousClock.now < end {
      if isCancelled() { throw ConnectionFailure(kind: .cancelled, reason: "stopped") }
      usleep(20_000)
    }
  }
}
