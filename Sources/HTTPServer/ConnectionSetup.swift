import Atomics
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL

/// Builds the pipeline of a new connection.
struct ConnectionSetup: Sendable {
  /// Bytes that one HTTP/2 stream, and one connection, may send before they are read.
  private static let streamWindow = 512 << 10
  private static let connectionWindow = 2 << 20
  private static let mostStreams = 128
  /// Streams that a client may reset in 30 seconds before its connection is closed.
  private static let mostResets = 2000
  /// More than one read of a socket brings.
  private static let largestRead = 1 << 20

  let configuration: HTTPServerConfiguration
  let tls: ServerTLS?
  private let open: ManagedAtomic<Int>
  /// Nil for no limit.
  private let perAddress: ConnectionsPerAddress?
  private let handler: any HTTPHandler
  private let files = NonBlockingFileIO(threadPool: .singleton)

  init(
    configuration: HTTPServerConfiguration, handler: any HTTPHandler, tls: ServerTLS?,
    open: ManagedAtomic<Int>
  ) {
    self.configuration = configuration
    self.handler = handler
    self.tls = tls
    self.open = open
    let limit = configuration.maximumConnectionsPerAddress
    perAddress = limit > 0 ? ConnectionsPerAddress(limit: limit, except: configuration.trustedProxies) : nil
  }

  /// Called on the channel's event loop.
  func configure(_ channel: any Channel) throws {
    // First, so that whoever sees a connection gone sees it gone here, too.
    let isAdmitted = perAddress?.admit(channel) ?? true
    let number = open.wrappingIncrementThenLoad(ordering: .relaxed)
    channel.closeFuture.whenComplete { [open] _ in open.wrappingDecrement(ordering: .relaxed) }
    guard isAdmitted, number <= configuration.maximumConnections else {
      channel.close(promise: nil)
      return
    }
    guard let tls else { return try configureHTTP1(channel) }
    let connectionGuard = ConnectionGuard(handshakeTimeout: configuration.headerTimeout)
    try channel.pipeline.syncOperations.addHandlers([
      connectionGuard, NIOSSLServerHandler(context: tls.context),
    ])
    let bound = NIOLoopBound(connectionGuard, eventLoop: channel.eventLoop)
    channel.configureHTTP2SecureUpgrade { channel in
      channel.eventLoop.makeCompletedFuture {
        // Time for a PING after the idle time, and for its answer.
        bound.value.negotiated(
          longestSilence: configuration.idleTimeout + configuration.headerTimeout * 2)
        try configureHTTP2(channel, try Self.clientCertificate(channel))
      }
    } http1ChannelConfigurator: { channel in
      channel.eventLoop.makeCompletedFuture {
        bound.value.negotiated()
        try configureHTTP1(channel, try Self.clientCertificate(channel))
      }
    }.whenFailure { _ in channel.close(promise: nil) }
  }

  /// What the client has shown and was verified, in DER.
  private static func clientCertificate(_ channel: any Channel) throws -> [UInt8]? {
    try channel.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes()
  }

  private func configureHTTP1(_ channel: any Channel, _ clientCertificate: [UInt8]? = nil) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = configuration.maximumHeaderBytes
    limits.maxHeaderListSize = configuration.maximumHeaderBytes
    limits.maxHeaderFieldCount = 128
    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandlers([
      // The decoder leaves what follows a request for an upgrade in the buffer.
      ByteToMessageHandler(decoder, maximumBufferSize: configuration.maximumHeaderBytes + Self.largestRead),
      RequestHandler(environment(isHTTP2: false, clientCertificate), eventLoop: channel.eventLoop),
    ])
  }

  private func configureHTTP2(_ channel: any Channel, _ clientCertificate: [UInt8]?) throws {
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(
        maxIdleTime: configuration.idleTimeout, maxAge: nil, maxGraceTime: configuration.shutdownTimeout,
        keepalive: .init(pingInterval: configuration.idleTimeout, ackTimeout: configuration.headerTimeout)))
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.mostStreams),
      HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maximumHeaderBytes),
      HTTP2Setting(parameter: .initialWindowSize, value: Self.streamWindow),
    ]
    connection.targetWindowSize = Self.connectionWindow
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.targetWindowSize = Self.streamWindow
    // curl resets a stream that ends in a frame of its own, as the codec's do, when it has the announced bytes: that
    // is no attack.
    stream.streamResetFrameRateLimit.maximumCount = Self.mostResets
    let environment = environment(isHTTP2: true, clientCertificate)
    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .server, connectionConfiguration: connection, streamConfiguration: stream,
      streamDelegate: management.http2StreamDelegate
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandlers([
          HTTP2FramePayloadToHTTP1ServerCodec(),
          RequestHandler(environment, eventLoop: stream.eventLoop),
        ])
      }
    }
    try channel.pipeline.syncOperations.addHandler(management)
    // It starts its timers when the channel becomes active, which this one has been for a while.
    management.channelActive(context: try channel.pipeline.syncOperations.context(handler: management))
  }

  private func environment(
    isHTTP2: Bool, _ clientCertificate: [UInt8]?
  ) -> RequestHandler.Environment {
    RequestHandler.Environment(
      configuration: configuration, handler: handler, files: files, isSecure: tls != nil, isHTTP2: isHTTP2,
      clientCertificate: clientCertificate)
  }
}
