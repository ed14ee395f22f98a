import NIOCore

/// Closes a TLS connection when its handshake takes too long, or when nothing at all comes from it for long: an
/// HTTP/2 client has to answer at least the server's PINGs.
final class ConnectionGuard: ChannelInboundHandler {
  typealias InboundIn = Any

  private var handshakeTimer: Scheduled<Void>?
  private var isNegotiated = false
  private let handshakeTimeout: TimeAmount
  private var context: ChannelHandlerContext?
  private var silenceTimer: Scheduled<Void>?
  private var lastReceived = NIODeadline.now()

  init(handshakeTimeout: TimeAmount) {
    self.handshakeTimeout = handshakeTimeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let channel = context.channel
    handshakeTimer = context.eventLoop.scheduleTask(in: handshakeTimeout) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    handshakeTimer?.cancel()
    silenceTimer?.cancel()
  }

  /// - Parameter longestSilence: nil if the protocol's own handler takes care of that.
  func negotiated(longestSilence: TimeAmount? = nil) {
    isNegotiated = true
    handshakeTimer?.cancel()
    handshakeTimer = nil
    if let longestSilence { closeAfterSilence(longestSilence) }
  }

  private func closeAfterSilence(_ longest: TimeAmount) {
    guard let context else { return }
    let end = lastReceived + longest
    if end <= .now() { return context.close(promise: nil) }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    silenceTimer = context.eventLoop.scheduleTask(deadline: end) { bound.value.closeAfterSilence(longest) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastReceived = .now()
    context.fireChannelRead(data)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent, !isNegotiated { return context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }
}
