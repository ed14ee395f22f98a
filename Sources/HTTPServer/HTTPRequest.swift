import NIOCore
import NIOHTTP1
import Synchronization

/// A request whose head has come; its body is read from `body` as it arrives.
///
/// A class, for it is handed around a lot and never changes.
public final class HTTPRequest: Sendable {
  public let method: HTTPMethod
  /// As it came, still encoded; begins with `/`.
  public let path: String
  /// What follows the `?`, still encoded; empty if there is none.
  public let query: String
  public let headers: HTTPHeaders
  public let version: HTTPVersion
  /// The client's address without its port, as far as proxies that are believed tell; `unix` for a Unix domain socket.
  public var remoteAddress: String { client.text }
  /// By which the client is told from others: the address, or in IPv6 the /64 that a subscriber has.
  public var subscriber: String { client.subscriber }
  /// Whether it came over TLS.
  public let isSecure: Bool
  /// What the client has shown of itself, by one of `TLSFiles.clientAuthorities`, in DER; nil if it has shown none.
  public let clientCertificate: [UInt8]?
  /// Names the request in logs: the client's `X-Request-Id` if that is sane, else a new one. The response
  /// carries it in the same header.
  public let id: String
  public let receivedAt: NIODeadline
  public let body: RequestBody
  public let eventLoop: any EventLoop
  private let client: ClientAddress
  private let notes = Mutex<(sender: String?, counted: String?)>((nil, nil))

  /// Who sends it, as far as the handler has found out: for logs.
  public var sender: String? {
    get { notes.withLock { $0.sender } }
    set { notes.withLock { $0.sender = newValue } }
  }

  /// Among whose requests the handler counts it, until it is finished; nil if it does not.
  public var countedAs: String? {
    get { notes.withLock { $0.counted } }
    set { notes.withLock { $0.counted = newValue } }
  }

  /// Path and query, as they came.
  public var target: String { query.isEmpty ? path : "\(path)?\(query)" }

  /// As what the client reached this server, by itself or through a proxy. Whoever says something else leads only himself
  /// astray.
  public var scheme: String {
    isSecure || headers.first(name: "x-forwarded-proto")?.lowercased() == "https" ? "https" : "http"
  }

  init(
    head: HTTPRequestHead, path: String, query: String, client: ClientAddress, isSecure: Bool,
    clientCertificate: [UInt8]?, id: String,
    body: RequestBody, eventLoop: any EventLoop
  ) {
    method = head.method
    headers = head.headers
    version = head.version
    self.path = path
    self.query = query
    self.client = client
    self.isSecure = isSecure
    self.clientCertificate = clientCertificate
    self.id = id
    receivedAt = .now()
    self.body = body
    self.eventLoop = eventLoop
  }
}
