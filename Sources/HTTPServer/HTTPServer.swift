import Atomics
import Logging
import NIOCore
import NIOExtras
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A listening HTTP server: HTTP/1.1, and over TLS also HTTP/2, on any number of addresses.
public final class HTTPServer: Sendable {
  /// Where it listens, with the ports that the kernel chose; in the order of the configuration.
  public let boundAddresses: [ListenAddress]
  private let configuration: HTTPServerConfiguration
  private let group: MultiThreadedEventLoopGroup
  private let tls: ServerTLS?
  /// One for each address; let go while the event loops still run, which they need at their end.
  private let quiescing: Mutex<[ServerQuiescingHelper]>
  private let open: ManagedAtomic<Int>

  /// How often the certificate's files are looked at.
  private static let certificateInterval = TimeAmount.seconds(10)

  private init(
    boundAddresses: [ListenAddress], configuration: HTTPServerConfiguration,
    group: MultiThreadedEventLoopGroup, tls: ServerTLS?, quiescing: [ServerQuiescingHelper],
    open: ManagedAtomic<Int>
  ) {
    self.boundAddresses = boundAddresses
    self.configuration = configuration
    self.group = group
    self.tls = tls
    self.quiescing = Mutex(quiescing)
    self.open = open
  }

  /// Starts to listen.
  /// - Throws: `HTTPServerError`
  public static func start(
    configuration: HTTPServerConfiguration, handler: any HTTPHandler, logger: Logger
  ) async throws -> HTTPServer {
    let tls = try configuration.tls.map { files throws(HTTPServerError) in
      try ServerTLS(files, logger: logger)
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.threads)
    let open = ManagedAtomic<Int>(0)
    let setup = ConnectionSetup(configuration: configuration, handler: handler, tls: tls, open: open)
    var channels: [any Channel] = []
    var quiescing: [ServerQuiescingHelper] = []
    do {
      for address in configuration.addresses {
        let helper = ServerQuiescingHelper(group: group)
        do {
          channels.append(try await listen(on: address, group: group, setup: setup, quiescing: helper))
        } catch {
          throw HTTPServerError.cannotListen(address, reason: Self.reason(error))
        }
        quiescing.append(helper)
      }
    } catch {
      for channel in channels { try? await channel.close() }
      try? await group.shutdownGracefully()
      throw error
    }
    if let tls {
      group.next().scheduleRepeatedTask(initialDelay: certificateInterval, delay: certificateInterval) { _ in
        tls.reloadIfChanged()
      }
    }
    let bound = zip(configuration.addresses, channels).map { address, channel -> ListenAddress in
      if case .tcp(let host, _) = address, let port = channel.localAddress?.port {
        return .tcp(host: host, port: port)
      }
      return address
    }
    return HTTPServer(
      boundAddresses: bound, configuration: configuration, group: group, tls: tls, quiescing: quiescing,
      open: open)
  }

  private static func listen(
    on address: ListenAddress, group: MultiThreadedEventLoopGroup, setup: ConnectionSetup,
    quiescing: ServerQuiescingHelper
  ) async throws -> any Channel {
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: Int32(clamping: setup.configuration.backlog))
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      }
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      // A body's bytes come in pieces as large as its reader may leave waiting, and one at a time, so that whether
      // to read on is asked after each.
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(
          minimum: 1024, initial: 4096, maximum: RequestBody.largestPiece)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try setup.configure(channel) }
      }
    switch address {
    case .tcp(let host, let port):
      return try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .bind(host: host, port: port).get()
    case .unix(let path):
      try removeStaleSocket(path)
      return try await bootstrap.bind(unixDomainSocketPath: path).get()
    }
  }

  /// Removes a socket that a process left when it was killed; one that answers stays.
  private static func removeStaleSocket(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let address = try SocketAddress(unixDomainSocketPath: path)
    let result = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
    if result != 0, errno == ECONNREFUSED { unlink(path) }
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    switch error.errnoCode {
    case EADDRINUSE: return "another process listens there already"
    case EACCES: return "not permitted"
    case EADDRNOTAVAIL: return "this machine has no such address"
    default: return String(cString: strerror(error.errnoCode))
    }
  }

  /// How many connections are open now.
  public var openConnections: Int { open.load(ordering: .relaxed) }

  /// Reads the certificate's files again; if they cannot be used, the old certificate stays.
  public func reloadTLS() { tls?.reload() }

  /// Stops to listen, lets requests that are being served end within the configured time, and closes every
  /// connection. Only the first call does anything.
  public func shutdown() async {
    guard await quiesce() else { return }
    // Closes what is still open.
    try? await group.shutdownGracefully()
    for case .unix(let path) in boundAddresses { unlink(path) }
  }

  /// - Returns: whether this was the first call.
  private func quiesce() async -> Bool {
    let helpers = quiescing.withLock { helpers in
      defer { helpers = [] }
      return helpers
    }
    if helpers.isEmpty { return false }
    let eventLoop = group.next()
    let served = eventLoop.makePromise(of: Void.self)
    let all = helpers.map { helper in
      let promise = eventLoop.makePromise(of: Void.self)
      helper.initiateShutdown(promise: promise)
      return promise.futureResult
    }
    let timeout = eventLoop.scheduleTask(in: configuration.shutdownTimeout) { served.succeed() }
    EventLoopFuture.andAllComplete(all, on: eventLoop).whenComplete { _ in
      timeout.cancel()
      served.succeed()
    }
    try? await served.futureResult.get()
    return true
  }
}
