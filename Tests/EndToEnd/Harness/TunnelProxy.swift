import Foundation
import Synchronization

/// An HTTP proxy that takes CONNECT alone (RFC 9110, section 9.3.6), and leads to one and the same server wherever a client wants to go.
final class TunnelProxy: Sendable {
  let port: Int
  private let target: PlainHTTP
  private let listener: Int32
  private let asked = Mutex<[String]>([])

  /// Where clients wanted to go, as `host:port`.
  var targets: [String] { asked.withLock { $0 } }

  /// Runs `body` with a proxy; it ends with `body`.
  static func with<Result>(
    to endpoint: Endpoint, _ body: (TunnelProxy) async throws -> Result
  ) async throws -> Result {
    let proxy = try TunnelProxy(to: endpoint)
    defer {
      shutdown(proxy.listener, Int32(SHUT_RDWR))
      close(proxy.listener)
    }
    return try await body(proxy)
  }

  private init(to endpoint: Endpoint) throws {
    target = PlainHTTP(endpoint)
    (listener, port) = try LoopbackListener.open()
    let listener = listener
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        Thread.detachNewThread { [self] in
          serve(client)
          close(client)
        }
      }
    }
  }

  private func serve(_ client: Int32) {
    var head = ""
    var byte: UInt8 = 0
    while !head.hasSuffix("\r\n\r\n") {
      guard recv(client, &byte, 1, 0) == 1 else { return }
      head.unicodeScalars.append(Unicode.Scalar(byte))
    }
    let words = head.split(separator: " ")
    guard words.count > 1, words[0] == "CONNECT", let server = try? target.open() else { return }
    defer { close(server) }
    asked.withLock { $0.append(String(words[1])) }
    let answer = Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)
    guard send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else { return }
    let other = DispatchGroup()
    other.enter()
    Thread.detachNewThread {
      Self.pass(from: server, to: client)
      other.leave()
    }
    Self.pass(from: client, to: server)
    other.wait()
  }

  /// The end of one direction is the end of both.
  private static func pass(from source: Int32, to sink: Int32) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      var sent = 0
      while sent < count {
        let more = buffer[sent..<count].withUnsafeBytes {
          send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard more > 0 else { break }
        sent += more
      }
      guard count > 0, sent == count else { break }
    }
    for descriptor in [source, sink] { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }
}
