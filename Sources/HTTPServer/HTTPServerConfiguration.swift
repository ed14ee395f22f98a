import NIOCore

/// How a server listens, and what it lets clients do to it.
public struct HTTPServerConfiguration: Sendable {
  public var addresses: [ListenAddress]
  /// nil for plain HTTP.
  public var tls: TLSFiles?
  /// Event loops.
  public var threads: Int
  /// Open connections beyond which new ones are closed at once.
  public var maximumConnections: Int = 16_384
  /// Open connections of one client, by its address, beyond which new ones are closed at once; 0 for no limit.
  public var maximumConnectionsPerAddress: Int = 0
  /// Whose `X-Forwarded-For` is believed, and who is not one client by itself.
  public var trustedProxies = AddressList()
  /// Bytes of one request's line and headers; more is answered with 431.
  public var maximumHeaderBytes: Int = 32 << 10
  /// From the start of a connection to the end of its first request's headers, the TLS handshake included.
  public var headerTimeout: TimeAmount = .seconds(15)
  /// From a response to the end of the next request's headers.
  public var idleTimeout: TimeAmount = .seconds(75)
  /// Without a byte of a request's body that is waited for.
  public var bodyTimeout: TimeAmount = .seconds(60)
  /// Without progress in sending a response; progress is a piece of `ResponseSender.pieceSize`.
  public var writeTimeout: TimeAmount = .seconds(60)
  /// For running requests to end after `shutdown` was called.
  public var shutdownTimeout: TimeAmount = .seconds(30)
  /// Connections that the kernel keeps until they are accepted.
  public var backlog: Int = 4096

  public init(addresses: [ListenAddress], tls: TLSFiles? = nil, threads: Int) {
    self.addresses = addresses
    self.tls = tls
    self.threads = threads
  }
}
