import NIOCore
import NIOHTTP1

/// What a server does with its requests.
public protocol HTTPHandler: Sendable {
  /// Called on the request's event loop when its head has come: it must not block. What has to wait is
  /// answered with `.deferred`.
  func answer(_ request: HTTPRequest) -> HTTPAnswer

  /// The answer to what is no valid HTTP request. The connection is closed after it.
  func answer(malformed: MalformedRequest) -> HTTPResponse

  /// Called once for every request that `answer(_:)` saw, when the last byte of its response was handed to the
  /// kernel or the connection broke.
  func finished(_ request: HTTPRequest, outcome: ResponseOutcome)
}

/// A response, or the work that makes it.
public enum HTTPAnswer: Sendable {
  case response(HTTPResponse)
  /// Runs in a task; may read the request's body. It is not cancelled when the client goes away: reading the
  /// body throws then.
  case deferred(@Sendable () async -> HTTPResponse)
}

/// Why bytes from a client are no request.
public struct MalformedRequest: Sendable {
  /// 400, 408 or 431.
  public let status: HTTPResponseStatus
  /// For people.
  public let reason: String
  public let remoteAddress: String
  /// Names it in logs; the answer carries it in `X-Request-Id`.
  public let id: String
}

/// How the answer to a request went.
public struct ResponseOutcome: Sendable {
  public let status: HTTPResponseStatus
  /// Bytes of the response's body that the kernel took.
  public let bodyBytesSent: Int64
  public let bodyBytesReceived: Int64
  /// Nanoseconds from the request's head to the response's last byte.
  public let duration: Int64
  /// Whether the whole response went out.
  public let isComplete: Bool
}
