import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves the requests of one HTTP/1.1 connection one after another, or the one request of an HTTP/2 stream.
///
/// A request is *open* from its head until both its body has come to its end and its response has gone out. All
/// state belongs to the event loop; the only way in from elsewhere is `eventLoop.execute`.
final class RequestHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  /// Bytes and file regions over HTTP/1.1, `HTTPServerResponsePart` over HTTP/2.
  typealias OutboundOut = Any

  /// What the handlers of all connections share.
  struct Environment: Sendable {
    let configuration: HTTPServerConfiguration
    let handler: any HTTPHandler
    let files: NonBlockingFileIO
    let isSecure: Bool
    let isHTTP2: Bool
    /// Of the connection, in DER.
    let clientCertificate: [UInt8]?
  }

  /// The request that is being served.
  private struct Exchange {
    let request: HTTPRequest
    var requestHasEnded = false
    var response: ResponseSender?
    /// Whether the connection can serve another request after this one.
    var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    var expectsContinue: Bool
    /// Bytes of the body that had come before there was a response.
    var receivedBeforeResponse: Int64 = 0
  }

  private enum Phase {
    /// Between requests.
    case idle
    case serving
    /// The last response is out, and what the client still sends is thrown away for a while: closing now would
    /// reset the connection and could take the response from the client (RFC 9112, section 9.6).
    case lingering(until: NIODeadline)
    case closed
  }

  /// Bytes of a body nobody reads that are received for the sake of the next request; beyond, a new connection
  /// is cheaper.
  private static let largestDrain: Int64 = 256 << 10
  private static let goOn = ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
  private static let lingerTime = TimeAmount.seconds(30)
  private static let lingerIdleTime = TimeAmount.seconds(3)

  private let environment: Environment
  private let eventLoop: any EventLoop
  private var context: ChannelHandlerContext?
  private var phase = Phase.idle
  private var exchange: Exchange?
  private var peer = ClientAddress(nil)
  private var inputIsClosed = false
  private var readIsHeld = false
  /// What a client sent before it had the answer to its last request: no more than one read's worth, for the
  /// connection is not read while a complete request is served.
  private var pipelined: CircularBuffer<HTTPServerRequestPart> = []
  private var isTakingPipelined = false
  /// Whether the server is stopping: the request that is being served is the last one.
  private var isQuiescing = false
  /// Why what follows `pipelined` is no request.
  private var parserError: HTTPParserError?
  private var lastReceived = NIODeadline.now()

  /// When the connection has waited too long, nil while it may wait for ever. The task below looks at it when it
  /// fires, and goes on waiting if there is time left: most deadlines move before they pass.
  private var deadline: NIODeadline?
  private var timer: (task: Scheduled<Void>, at: NIODeadline)?

  init(_ environment: Environment, eventLoop: any EventLoop) {
    self.environment = environment
    self.eventLoop = eventLoop
  }

  // MARK: Life of the connection

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    peer = ClientAddress(context.channel.remoteAddress)
    setDeadline(environment.configuration.headerTimeout)
  }

  func channelInactive(context: ChannelHandlerContext) {
    phase = .closed
    deadline = nil
    timer?.task.cancel()
    timer = nil
    exchange?.request.body.fail(.disconnected)
    // The exchange, its response and this handler hold each other, and the response holds its file open.
    if exchange?.response?.isFinished == true { exchange = nil }
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (phase, error as? HTTPParserError) {
    case (.idle, let error?):
      reject(error)
    case (.serving, let error?):
      parserError = error
      if pipelined.isEmpty { bodyIsCutOff() }
    case (.lingering, _) where !(error is IOError), (.closed, _):
      break
    default:
      exchange?.request.body.fail(.disconnected)
      context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      inputIsClosed = true
      switch phase {
      case .idle, .lingering: close()
      case .serving: if pipelined.isEmpty { bodyIsCutOff() }
      case .closed: break
      }
    case is ChannelShouldQuiesceEvent:
      isQuiescing = true
      if case .idle = phase { close() }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func read(context: ChannelHandlerContext) {
    if let exchange, !isLingering, exchange.requestHasEnded || exchange.request.body.isPaused {
      readIsHeld = true
    } else {
      context.read()
    }
  }

  private func releaseRead() {
    guard readIsHeld else { return }
    readIsHeld = false
    context?.read()
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = Self.unwrapInboundIn(data)
    if isTakingPipelined || exchange?.requestHasEnded == true {
      pipelined.append(part)
    } else {
      take(part)
    }
  }

  private func take(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head): begin(head)
    case .body(let bytes): received(bytes)
    case .end: requestEnded()
    }
  }

  /// Goes on with what came while the last request was served.
  private func takePipelined() {
    guard !isTakingPipelined else { return }
    isTakingPipelined = true
    // A loop, not a recursion: a response may be complete before `take` returns.
    while exchange?.requestHasEnded != true, let part = pipelined.popFirst() { take(part) }
    isTakingPipelined = false
    guard pipelined.isEmpty, parserError != nil || inputIsClosed else { return }
    guard case .idle = phase else { return bodyIsCutOff() }
    if let parserError { return reject(parserError) }
    close()
  }

  /// Nothing more comes of the body that is being received, if one is.
  private func bodyIsCutOff() {
    guard let exchange, !exchange.requestHasEnded else { return }
    self.exchange?.keepsAlive = false
    exchange.request.body.fail(.disconnected)
    if exchange.response?.isFinished == true { linger() }
  }

  private func begin(_ head: HTTPRequestHead) {
    guard case .idle = phase else { return }
    guard head.uri.hasPrefix("/") || head.uri.contains("://") else {
      return reject(.badRequest, "the request's target must be a path")
    }
    if head.version == .http1_1, head.hostCount != 1 {
      return reject(.badRequest, "the request must have one Host header")
    }
    let codings = head.headers[canonicalForm: "transfer-encoding"]
    let chunked = !codings.isEmpty
    if chunked, codings.count > 1 || codings[0].lowercased() != "chunked" {
      return reject(.badRequest, "no Transfer-Encoding but chunked is understood")
    }
    let announced = head.headers.first(name: "content-length").flatMap { Int64($0) }
    let hasBody =
      chunked || (announced ?? 0) > 0 || (environment.isHTTP2 && announced == nil && head.method.mayHaveBody)
    let (path, query) = Self.split(head.uri)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let proxies = environment.configuration.trustedProxies
    let request = HTTPRequest(
      head: head, path: path, query: query,
      client: proxies.isEmpty ? peer : peer.client(askingThrough: proxies, head.headers),
      isSecure: environment.isSecure,
      clientCertificate: environment.clientCertificate,
      id: RequestID.make(proposed: head.headers.first(name: "x-request-id")),
      body: hasBody
        ? RequestBody(contentLength: chunked ? nil : announced) { [eventLoop] in
          eventLoop.execute { bound.value.bodyIsWanted() }
        } : .none,
      eventLoop: eventLoop)
    phase = .serving
    deadline = nil
    // It is answered as if it asked for nothing (RFC 9110, section 7.8), but the parser takes nothing after it.
    let isUpgrade = head.headers.contains(name: "upgrade")
    exchange = Exchange(
      request: request, keepsAlive: head.isKeepAlive && !isUpgrade && !isQuiescing,
      expectsContinue: hasBody && head.version == .http1_1
        && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" })
    switch environment.handler.answer(request) {
    case .response(let response):
      send(response)
    case .deferred(let work):
      Task { [eventLoop] in
        let response = await work()
        eventLoop.execute { bound.value.send(response) }
      }
    }
  }

  private func received(_ bytes: ByteBuffer) {
    guard let exchange, exchange.request.body !== RequestBody.none else { return }
    lastReceived = .now()
    exchange.request.body.receive(bytes)
    if exchange.response?.isFinished == true {
      if case .lingering(let end) = phase {
        deadline = min(end, .now() + Self.lingerIdleTime)
      } else if exchange.request.body.received - exchange.receivedBeforeResponse > Self.largestDrain {
        linger()
      }
    }
  }

  private func requestEnded() {
    guard exchange != nil else { return }
    exchange?.requestHasEnded = true
    exchange?.expectsContinue = false
    exchange?.request.body.end()
    if exchange?.response?.isFinished == true { exchangeEnded() }
  }

  /// The body's reader wants bytes.
  private func bodyIsWanted() {
    guard let exchange, case .serving = phase else { return }
    if exchange.expectsContinue, exchange.response == nil, let context {
      self.exchange?.expectsContinue = false
      context.writeAndFlush(NIOAny(IOData.byteBuffer(Self.goOn)), promise: nil)
    }
    if deadline == nil { setDeadline(environment.configuration.bodyTimeout) }
    if exchange.request.body.resume() { releaseRead() }
  }

  // MARK: Responses

  private func send(_ response: HTTPResponse) {
    guard var exchange, exchange.response == nil else { return }
    let request = exchange.request
    if !exchange.requestHasEnded, request.body !== RequestBody.none {
      exchange.receivedBeforeResponse = request.body.received
      // What is left of the body would have to be received first.
      let rest = request.body.contentLength.map { $0 - request.body.received }
      if exchange.expectsContinue || (rest ?? 0) > Self.largestDrain { exchange.keepsAlive = false }
      request.body.discard()
    }
    if response.closesConnection { exchange.keepsAlive = false }
    exchange.expectsContinue = false
    self.exchange = exchange
    guard let context, !isClosed else {
      environment.handler.finished(request, outcome: .broken(request, response.status))
      return endedUnsent()
    }
    let sender = ResponseSender(
      handler: self, context: context, environment: environment, request: request, response: response,
      keepsAlive: exchange.keepsAlive && !isQuiescing)
    self.exchange?.response = sender
    self.exchange?.keepsAlive = sender.keepsAlive
    sender.start()
    if self.exchange?.requestHasEnded == false { releaseRead() }
  }

  /// The client has taken something of the response.
  func responseProgressed() { setDeadline(environment.configuration.writeTimeout) }

  func responseEnded(_ outcome: ResponseOutcome) {
    guard let exchange else { return }
    environment.handler.finished(exchange.request, outcome: outcome)
    if isClosed { self.exchange = nil }
    guard outcome.isComplete, !isClosed else { return close() }
    if exchange.requestHasEnded {
      exchangeEnded()
    } else if environment.isHTTP2 {
      // Ends the stream, and so the request's body, and leaves the connection to the other streams.
      close()
    } else if exchange.keepsAlive {
      setDeadline(environment.configuration.bodyTimeout)
    } else {
      linger()
    }
  }

  private func exchangeEnded() {
    guard let exchange else { return }
    self.exchange = nil
    if isLingering { return close() }
    guard exchange.keepsAlive, !isQuiescing else { return close() }
    phase = .idle
    setDeadline(environment.configuration.idleTimeout)
    if !pipelined.isEmpty || parserError != nil || inputIsClosed { takePipelined() }
    if self.exchange?.requestHasEnded != true { releaseRead() }
  }

  private func reject(_ error: HTTPParserError) {
    switch error {
    case .invalidEOFState, .closedConnection: close()
    case .headerOverflow:
      reject(.requestHeaderFieldsTooLarge, "the request's line and headers are too large")
    default: reject(.badRequest, "this is no valid HTTP request: \(error)")
    }
  }

  /// Answers what is no request, and closes.
  private func reject(_ status: HTTPResponseStatus, _ reason: String) {
    guard let context else { return }
    phase = .serving
    setDeadline(environment.configuration.writeTimeout)
    let malformed = MalformedRequest(
      status: status, reason: reason, remoteAddress: peer.text, id: RequestID.make(proposed: nil))
    var response = environment.handler.answer(malformed: malformed)
    response.headers.replaceOrAdd(name: "X-Request-Id", value: malformed.id)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    ResponseSender.write(response, to: context).whenComplete { _ in bound.value.linger() }
  }

  private func endedUnsent() {
    exchange = nil
    close()
  }

  // MARK: Closing

  private var isClosed: Bool {
    if case .closed = phase { true } else { false }
  }

  private var isLingering: Bool {
    if case .lingering = phase { true } else { false }
  }

  private func linger() {
    guard let context, !isClosed, !isLingering else { return }
    if inputIsClosed { return close() }
    phase = .lingering(until: .now() + Self.lingerTime)
    setDeadline(Self.lingerIdleTime)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    context.close(mode: .output).whenFailure { _ in bound.value.close() }
    releaseRead()
  }

  private func close() {
    guard let context, !isClosed else { return }
    context.close(promise: nil)
  }

  // MARK: Time

  private func setDeadline(_ amount: TimeAmount) {
    guard !isClosed else { return }
    let deadline = NIODeadline.now() + amount
    self.deadline = deadline
    if let timer {
      if timer.at <= deadline { return }
      timer.task.cancel()
    }
    schedule(deadline)
  }

  private func schedule(_ deadline: NIODeadline) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = (eventLoop.scheduleTask(deadline: deadline) { bound.value.timerFired() }, deadline)
  }

  private func timerFired() {
    timer = nil
    guard let deadline, !isClosed else { return }
    if NIODeadline.now() < deadline { return schedule(deadline) }
    self.deadline = nil
    switch phase {
    case .idle, .lingering:
      close()
    case .serving:
      servingTimedOut()
    case .closed:
      break
    }
  }

  /// Time has passed while a request was served: for its body, or for its response.
  private func servingTimedOut() {
    guard let exchange else { return close() }
    if exchange.response != nil { return close() }
    if exchange.requestHasEnded { return }
    let timeout = environment.configuration.bodyTimeout
    guard let waiting = exchange.request.body.readerWaitsSince else { return setDeadline(timeout) }
    let since = max(waiting, lastReceived)
    if since + timeout <= .now() {
      self.exchange?.keepsAlive = false
      exchange.request.body.fail(.timedOut)
    } else {
      deadline = since + timeout
      schedule(since + timeout)
    }
  }

  private static func split(_ uri: String) -> (path: String, query: String) {
    var rest = uri[...]
    if !rest.hasPrefix("/"), let scheme = rest.firstRange(of: "://") {
      // The absolute form, which proxies use (RFC 9112, section 3.2.2).
      rest = rest[scheme.upperBound...].drop { $0 != "/" && $0 != "?" }
    }
    let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
    return (mark == rest.startIndex ? "/" : String(rest[..<mark]), String(rest[mark...].dropFirst()))
  }
}

extension HTTPMethod {
  /// Whether a request without a `Content-Length` can have a body in HTTP/2, where its end is told apart only
  /// when it comes.
  fileprivate var mayHaveBody: Bool { self == .PUT || self == .POST || self == .PATCH }
}

extension ResponseOutcome {
  /// Of a response that found its connection gone.
  static func broken(_ request: HTTPRequest, _ status: HTTPResponseStatus) -> ResponseOutcome {
    ResponseOutcome(
      status: status, bodyBytesSent: 0, bodyBytesReceived: request.body.received,
      duration: (NIODeadline.now() - request.receivedAt).nanoseconds, isComplete: false)
  }
}

extension HTTPRequestHead {
  /// How many `Host` headers there are.
  fileprivate var hostCount: Int {
    headers.reduce(into: 0) { count, header in
      // Compared by length first: this is done for every request.
      if header.name.utf8.count == 4, header.name.lowercased() == "host" { count += 1 }
    }
  }
}
