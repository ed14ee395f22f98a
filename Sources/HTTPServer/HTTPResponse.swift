import NIOCore
import NIOHTTP1

/// What a request is answered with.
///
/// The server adds `Content-Length` (unless the response has one, as an answer to HEAD may), `Date`,
/// `X-Request-Id` and `Connection`, and leaves the body out where HTTP wants none.
public struct HTTPResponse: Sendable {
  public var status: HTTPResponseStatus
  public var headers: HTTPHeaders
  public var body: ResponseBody
  /// Whether this is the connection's last response. HTTP/2 ignores it.
  public var closesConnection: Bool

  public init(
    status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ResponseBody = .empty,
    closesConnection: Bool = false
  ) {
    self.status = status
    self.headers = headers
    self.body = body
    self.closesConnection = closesConnection
  }
}

public enum ResponseBody: Sendable {
  case empty
  case bytes(ByteBuffer)
  /// A part of a file, which the kernel sends by itself where it can.
  case file(FileBody)
  /// Bytes made while they are sent, as fast as the client takes them.
  ///
  /// When the writer throws, or has not written `length` bytes when it returns, the connection breaks, so that
  /// the client never takes what it got for the whole.
  case stream(length: Int64?, @Sendable (ResponseBodyWriter) async throws -> Void)

  /// Bytes; nil if not known before.
  var length: Int64? {
    switch self {
    case .empty: 0
    case .bytes(let bytes): Int64(bytes.readableBytes)
    case .file(let file): file.length
    case .stream(let length, _): length
    }
  }
}

/// Takes the pieces of a streamed response's body.
public struct ResponseBodyWriter: Sendable {
  let send: @Sendable (ByteBuffer) async throws -> Void
  let sendFile: @Sendable (FileBody) async throws -> Void

  /// Returns when the kernel has taken the bytes.
  /// - Throws: when the connection is broken.
  public func write(_ bytes: ByteBuffer) async throws {
    if bytes.readableBytes > 0 { try await send(bytes) }
  }

  /// Returns when the kernel has taken the part of the file, which it sends by itself where it can.
  /// - Throws: when the connection is broken, or the file is shorter.
  public func write(_ file: FileBody) async throws {
    if file.length > 0 { try await sendFile(file) }
  }
}
