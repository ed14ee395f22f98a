import Foundation
import Synchronization

/// A host of App Container names, over HTTP, that says of each name that it is one and the same image.
final class ACIHost: Sendable {
  let port: Int
  private let listener: Int32
  private let content: Mutex<(image: Data, signature: Data?)>

  /// Runs `body` with a host; it ends with `body`.
  static func with<Result>(image: Data, _ body: (ACIHost) async throws -> Result) async throws -> Result {
    let host = try ACIHost(image)
    defer { host.stop() }
    return try await body(host)
  }

  private init(_ image: Data) throws {
    content = Mutex((image, nil))
    (listener, port) = try LoopbackListener.open()
    let listener = listener
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        serve(connection)
        close(connection)
      }
    }
  }

  private func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// What it gives from now on.
  func serve(_ image: Data, signature: Data?) { content.withLock { $0 = (image, signature) } }

  private func serve(_ connection: Int32) {
    var request = ""
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while !request.contains("\r\n\r\n") {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      request += String(decoding: buffer[..<count], as: UTF8.self)
    }
    let target = request.split(separator: " ").dropFirst().first ?? ""
    let body: Data? = content.withLock { content in
      if target.hasSuffix("?ac-discovery=1") {
        return Data(#"<meta name="ac-discovery" content="example.com http://example.com/x.{ext}">"#.utf8)
      }
      return target.hasSuffix(".asc") ? content.signature : content.image
    }
    let head =
      "HTTP/1.1 \(body == nil ? "404 Not Found" : "200 OK")\r\nContent-Length: \(body?.count ?? 0)\r\n"
      + "Connection: close\r\n\r\n"
    var rest = Array(Data(head.utf8) + (body ?? Data()))[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
