import NIOCore
import NIOHTTP1

/// Writes one response, at the pace at which the client takes it. Belongs to the connection's event loop.
final class ResponseSender {
  /// Bytes handed over at once of a file that the kernel sends by itself.
  static let pieceSize: Int64 = 1 << 20
  /// Bytes of a file that are read into memory at once, where TLS or HTTP/2 has to see them.
  private static let copiedPieceSize: Int64 = 128 << 10

  /// Bytes of a body that are copied behind the head, to go out with it.
  private static let largestCopied = 16 << 10

  private let context: ChannelHandlerContext
  private let environment: RequestHandler.Environment
  private let request: HTTPRequest
  private let response: HTTPResponse
  /// Whether the connection can serve another request afterwards.
  let keepsAlive: Bool
  /// Whether the body goes out in chunks: HTTP/1.1 has no other way if its length is unknown.
  private let isChunked: Bool
  /// Keeps the handler, and the handler this, until the response has ended.
  private let handler: RequestHandler
  private var sent: Int64 = 0
  private(set) var isFinished = false

  /// - Parameter handler: is told of progress, and once of the end.
  init(
    handler: RequestHandler, context: ChannelHandlerContext, environment: RequestHandler.Environment,
    request: HTTPRequest, response: HTTPResponse, keepsAlive: Bool
  ) {
    self.handler = handler
    self.context = context
    self.environment = environment
    self.request = request
    self.response = response
    isChunked =
      !environment.isHTTP2 && request.version == .http1_1 && response.body.length == nil
      && response.status.mayHaveResponseBody
    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    self.keepsAlive = keepsAlive && (response.body.length != nil || isChunked)
  }

  func start() {
    let sendsBody = request.method != .HEAD && response.status.mayHaveResponseBody
    let head = head
    guard sendsBody else { return finish(after: head) }
    switch response.body {
    case .empty:
      finish(after: head)
    case .bytes(let bytes):
      sent = Int64(bytes.readableBytes)
      finish(after: head, body: bytes)
    case .file(let file) where file.length == 0:
      finish(after: head)
    case .file(let file):
      write(head)
      handler.responseProgressed()
      if environment.isSecure || environment.isHTTP2 {
        sendCopied(file, from: 0)
      } else {
        sendRegion(file, from: 0)
      }
    case .stream(let length, let writer):
      write(head)
      handler.responseProgressed()
      context.flush()
      stream(length, writer)
    }
  }

  /// A response that belongs to no request, over HTTP/1.1.
  static func write(_ response: HTTPResponse, to context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    var headers = response.headers
    var body = ByteBuffer()
    if case .bytes(let bytes) = response.body { body = bytes }
    headers.replaceOrAdd(name: "Content-Length", value: String(body.readableBytes))
    headers.replaceOrAdd(name: "Connection", value: "close")
    headers.replaceOrAdd(name: "Date", value: HTTPDate.shared.now)
    var buffer = ByteBuffer()
    HTTP1Encoder.write(
      HTTPResponseHead(version: .http1_1, status: response.status, headers: headers), to: &buffer)
    buffer.writeImmutableBuffer(body)
    return context.writeAndFlush(NIOAny(IOData.byteBuffer(buffer)))
  }

  private var head: HTTPResponseHead {
    var headers = response.headers
    // With what is added here: growing would copy them again.
    headers.reserveCapacity(headers.count + 5)
    let isHTTP2 = environment.isHTTP2
    if let length = response.body.length, response.status.mayHaveResponseBody,
      !headers.contains(name: "content-length")
    {
      headers.add(name: "Content-Length", value: String(length))
    }
    headers.add(name: "Date", value: HTTPDate.shared.now)
    headers.add(name: "X-Request-Id", value: request.id)
    if isChunked { headers.add(name: "Transfer-Encoding", value: "chunked") }
    if !isHTTP2 {
      if !keepsAlive {
        headers.add(name: "Connection", value: "close")
      } else if request.version == .http1_0 {
        headers.add(name: "Connection", value: "keep-alive")
      }
    }
    let version = isHTTP2 || request.version == .http1_0 ? request.version : .http1_1
    return HTTPResponseHead(version: version, status: response.status, headers: headers)
  }

  // MARK: Bodies

  private func sendRegion(_ file: FileBody, from position: Int64) {
    guard position < file.length else { return finish() }
    let end = min(file.length, position + Self.pieceSize)
    let piece = file.part(position..<end)
    let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
    context.writeAndFlush(NIOAny(IOData.fileRegion(piece.region))).whenComplete { result in
      // `piece` keeps the descriptor open until the kernel has taken the bytes.
      withExtendedLifetime(piece) {
        let sender = bound.value
        guard sender.took(end - position, result) else { return }
        sender.sendRegion(file, from: end)
      }
    }
  }

  private func sendCopied(_ file: FileBody, from position: Int64) {
    guard position < file.length else { return finish() }
    let end = min(file.length, position + Self.copiedPieceSize)
    let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
    file.part(position..<end).read(with: environment.files, on: context.eventLoop).whenComplete { result in
      let sender = bound.value
      switch result {
      case .success(let bytes) where Int64(bytes.readableBytes) == end - position:
        sender.send(bytes).whenComplete { result in
          guard bound.value.took(end - position, result) else { return }
          bound.value.sendCopied(file, from: end)
        }
      case .success, .failure:
        sender.complete(false)
      }
    }
  }

  private func stream(_ length: Int64?, _ body: @escaping @Sendable (ResponseBodyWriter) async throws -> Void)
  {
    let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
    let eventLoop = request.eventLoop
    let writer = ResponseBodyWriter(
      send: { bytes in
        try await eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
          let count = Int64(bytes.readableBytes)
          return bound.value.send(bytes).map { _ = bound.value.took(count, .success(())) }
        }.get()
      },
      sendFile: { file in
        try await eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
          bound.value.send(file).map { _ = bound.value.took(file.length, .success(())) }
        }.get()
      })
    Task {
      let isWritten: Bool
      do {
        try await body(writer)
        isWritten = true
      } catch {
        isWritten = false
      }
      eventLoop.execute {
        let sender = bound.value
        if isWritten, length == nil || length == sender.sent {
          sender.finish()
        } else {
          sender.complete(false)
        }
      }
    }
  }

  private func send(_ file: FileBody) -> EventLoopFuture<Void> {
    guard environment.isSecure || environment.isHTTP2 || isChunked else {
      return context.writeAndFlush(NIOAny(IOData.fileRegion(file.region))).map {
        // The descriptor stays open until the kernel has taken the bytes.
        withExtendedLifetime(file) {}
      }
    }
    let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
    return file.read(with: environment.files, on: context.eventLoop).flatMap { bytes in
      guard Int64(bytes.readableBytes) == file.length else {
        return bound.value.request.eventLoop.makeFailedFuture(ChannelError.eof)
      }
      return bound.value.send(bytes)
    }
  }

  private func send(_ bytes: ByteBuffer) -> EventLoopFuture<Void> {
    if environment.isHTTP2 {
      return context.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(bytes))))
    }
    return context.writeAndFlush(NIOAny(IOData.byteBuffer(isChunked ? HTTP1Encoder.chunk(bytes) : bytes)))
  }

  private func write(_ head: HTTPResponseHead) {
    if environment.isHTTP2 {
      context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
    } else {
      var buffer = ByteBuffer()
      HTTP1Encoder.write(head, to: &buffer)
      context.write(NIOAny(IOData.byteBuffer(buffer)), promise: nil)
    }
  }

  // MARK: The end

  /// - Returns: whether to go on.
  private func took(_ count: Int64, _ result: Result<Void, any Error>) -> Bool {
    guard case .success = result else {
      complete(false)
      return false
    }
    sent += count
    handler.responseProgressed()
    return true
  }

  /// Sends a whole response.
  private func finish(after head: HTTPResponseHead, body: ByteBuffer? = nil) {
    guard !environment.isHTTP2 else {
      write(head)
      if let body { context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(body))), promise: nil) }
      return finish()
    }
    var buffer = ByteBuffer()
    buffer.reserveCapacity(512 + min(body?.readableBytes ?? 0, Self.largestCopied))
    HTTP1Encoder.write(head, to: &buffer)
    if let body, body.readableBytes > Self.largestCopied {
      context.write(NIOAny(IOData.byteBuffer(buffer)), promise: nil)
      finish(writing: body)
    } else {
      if let body { buffer.writeImmutableBuffer(body) }
      finish(writing: buffer)
    }
  }

  /// Sends what ends a body.
  private func finish() {
    if environment.isHTTP2 {
      handler.responseProgressed()
      complete(after: context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil))))
    } else if isChunked {
      finish(writing: HTTP1Encoder.lastChunk)
    } else {
      complete(true)
    }
  }

  private func finish(writing last: ByteBuffer) {
    handler.responseProgressed()
    complete(after: context.writeAndFlush(NIOAny(IOData.byteBuffer(last))))
  }

  private func complete(after written: EventLoopFuture<Void>) {
    let bound = NIOLoopBound(self, eventLoop: request.eventLoop)
    written.whenComplete { result in
      if case .success = result { bound.value.complete(true) } else { bound.value.complete(false) }
    }
  }

  private func complete(_ isComplete: Bool) {
    guard !isFinished else { return }
    isFinished = true
    handler.responseEnded(
      ResponseOutcome(
        status: response.status, bodyBytesSent: sent, bodyBytesReceived: request.body.received,
        duration: (NIODeadline.now() - request.receivedAt).nanoseconds, isComplete: isComplete))
  }
}

extension HTTPResponseStatus {
  /// RFC 9110, section 6.4.1.
  fileprivate var mayHaveResponseBody: Bool {
    code >= 200 && code != 204 && code != 304
  }
}
