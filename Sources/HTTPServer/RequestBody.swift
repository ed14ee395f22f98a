import NIOCore
import Synchronization

/// Why a request's body could not be read to its end.
public enum RequestBodyError: Error, Equatable, Sendable {
  /// The connection ended, or what came was no valid body.
  case disconnected
  /// No byte came for too long.
  case timedOut
  /// The body is longer than its reader takes.
  case tooLarge
}

/// The body of a request: one reader pulls it piece by piece, and the connection is not read while more than a
/// little waits for that reader.
public final class RequestBody: Sendable {
  /// Bytes of one piece at most.
  static let largestPiece = 128 << 10
  /// Bytes that may wait for the reader before the connection is not read any more: two pieces, so that the next
  /// is received while one is worked on.
  static let highWaterMark = 2 * largestPiece

  private struct State {
    var pieces: CircularBuffer<ByteBuffer> = []
    var waitingBytes = 0
    var received: Int64 = 0
    var isAtEnd = false
    var isDiscarded = false
    var isPaused = false
    var wasAskedFor = false
    var failure: RequestBodyError?
    var reader: CheckedContinuation<ByteBuffer?, any Error>?
    var readerWaitsSince = NIODeadline.distantPast

    /// The first waiting piece, and whether the connection should be read again now.
    mutating func take() -> (piece: ByteBuffer, isWanting: Bool)? {
      guard let piece = pieces.popFirst() else { return nil }
      waitingBytes -= piece.readableBytes
      return (piece, isPaused && waitingBytes <= RequestBody.highWaterMark / 2)
    }
  }

  /// As announced; nil if the body comes in chunks of unknown number.
  public let contentLength: Int64?
  private let state: Mutex<State>
  /// Called when the reader wants bytes and the connection has to do something for that; on any thread.
  private let demand: @Sendable () -> Void

  /// Of a request without a body.
  static let none: RequestBody = {
    let body = RequestBody(contentLength: 0) {}
    body.end()
    return body
  }()

  init(contentLength: Int64?, demand: @escaping @Sendable () -> Void) {
    self.contentLength = contentLength
    self.demand = demand
    self.state = Mutex(State())
  }

  /// The next bytes, as they came; nil at the end. One reader at a time.
  /// - Throws: `RequestBodyError.disconnected`, `.timedOut`
  public func next() async throws -> ByteBuffer? {
    try await withCheckedThrowingContinuation { continuation in
      let (result, mustDemand) = state.withLock { state -> (Result<ByteBuffer?, any Error>?, Bool) in
        let isFirst = !state.wasAskedFor
        state.wasAskedFor = true
        if let (piece, isWanting) = state.take() { return (.success(piece), isFirst || isWanting) }
        if let failure = state.failure { return (.failure(failure), false) }
        if state.isAtEnd { return (.success(nil), false) }
        precondition(state.reader == nil, "a request's body has one reader at a time")
        state.reader = continuation
        state.readerWaitsSince = .now()
        return (nil, isFirst || state.isPaused)
      }
      if mustDemand { demand() }
      if let result { continuation.resume(with: result) }
    }
  }

  /// The next bytes if some are waiting; nil otherwise, also at the end.
  public func nextIfHere() -> ByteBuffer? {
    guard let (piece, isWanting) = state.withLock({ $0.take() }) else { return nil }
    if isWanting { demand() }
    return piece
  }

  /// The whole body.
  /// - Throws: `RequestBodyError.tooLarge` if it has more than `limit` bytes, as early as that is known.
  public func collect(upTo limit: Int) async throws -> ByteBuffer {
    if let contentLength, contentLength > Int64(limit) { throw RequestBodyError.tooLarge }
    var whole = ByteBuffer()
    while var piece = try await next() {
      guard whole.readableBytes + piece.readableBytes <= limit else { throw RequestBodyError.tooLarge }
      whole.writeBuffer(&piece)
    }
    return whole
  }

  // MARK: The connection's side

  var received: Int64 { state.withLock { $0.received } }
  /// Since when a reader waits for bytes that have not come; nil if none does.
  var readerWaitsSince: NIODeadline? { state.withLock { $0.reader == nil ? nil : $0.readerWaitsSince } }
  /// Whether the connection should not be read now.
  var isPaused: Bool { state.withLock { $0.isPaused } }

  func receive(_ piece: ByteBuffer) {
    guard piece.readableBytes > 0 else { return }
    let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      state.received += Int64(piece.readableBytes)
      if state.isDiscarded { return nil }
      if let reader = state.reader {
        state.reader = nil
        return reader
      }
      state.pieces.append(piece)
      state.waitingBytes += piece.readableBytes
      if state.waitingBytes >= Self.highWaterMark { state.isPaused = true }
      return nil
    }
    reader?.resume(returning: piece)
  }

  func end() {
    let reader = state.withLock { state in
      state.isAtEnd = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  /// What has come already is still read before the error.
  func fail(_ error: RequestBodyError) {
    let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      guard !state.isAtEnd, state.failure == nil else { return nil }
      state.failure = error
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(throwing: error)
  }

  /// - Returns: whether the connection was paused until now.
  func resume() -> Bool {
    state.withLock { state in
      guard state.isPaused, state.waitingBytes < Self.highWaterMark else { return false }
      state.isPaused = false
      return true
    }
  }

  /// Throws away what has come and what will come: nobody will read it.
  func discard() {
    state.withLock { state in
      state.isDiscarded = true
      state.isPaused = false
      state.pieces.removeAll()
      state.waitingBytes = 0
    }
  }
}
