import Dispatch
import Foundation

/// One HTTP/1.1 request on a connection of its own, over a plain socket: for tests that need many requests at once, that break
/// off in the middle, or whose server dies under them.
struct PlainHTTP: Sendable {
  struct Response: Sendable {
    var status: Int
    var headers: [String: String]
    var body: Data

    /// A header by its lower-case name.
    subscript(header: String) -> String? { headers[header] }

    /// The codes of a distribution-spec error body; nil when the body is none.
    var errorCodes: [String]? {
      struct Errors: Decodable {
        struct Entry: Decodable { var code: String }
        var errors: [Entry]
      }
      return (try? JSONDecoder().decode(Errors.self, from: body))?.errors.map(\.code)
    }
  }

  /// The connection broke, or never came to be: the client knows nothing of what the server did.
  struct Broken: Error, CustomStringConvertible {
    var description: String
  }

  var host: String
  var port: Int
  /// The address that requests come from; nil for the kernel's choice.
  var source: String?
  private static let queue = DispatchQueue(label: "PlainHTTP", attributes: .concurrent)

  init(_ endpoint: Endpoint) {
    host = endpoint.host
    port = endpoint.port
  }

  /// Sends a request and reads the whole answer.
  ///
  /// - Parameter sentBytes: how much of the body is sent before the connection is closed without waiting for an answer, which
  ///   then is `Broken`; nil sends it all.
  func send(
    _ method: String, _ path: String, headers: [String: String] = [:], body: Data = Data(),
    sentBytes: Int? = nil
  ) async throws -> Response {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if !body.isEmpty || method == "PUT" || method == "POST" || method == "PATCH" {
      head += "Content-Length: \(body.count)\r\n"
    }
    let bytes = Data((head + "\r\n").utf8) + body.prefix(sentBytes ?? body.count)
    return try await withCheckedThrowingContinuation { continuation in
      Self.queue.async {
        continuation.resume(
          with: Result { try exchange(bytes, isHead: method == "HEAD", breakOff: sentBytes != nil) })
      }
    }
  }

  private func exchange(_ request: Data, isHead: Bool, breakOff: Bool) throws -> Response {
    let descriptor = try connect()
    defer { close(descriptor) }
    do {
      try write(request, to: descriptor)
    } catch  where !breakOff {
      // A server may refuse early and close; its answer may already be here.
    }
    if breakOff { throw Broken(description: "broken off by the test") }
    return try parse(readAll(descriptor), isHead: isHead)
  }

  /// A connection that is the caller's to close.
  func open() throws -> Int32 { try connect() }

  private func connect() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Broken(description: "socket: \(Scratch.errnoText())") }
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    func call(
      _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ host: String, _ port: Int
    ) -> Int32 {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      inet_pton(AF_INET, host, &address.sin_addr)
      return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    let isBound = source.map { call(bind, $0, 0) == 0 } ?? true
    guard isBound, call(Foundation.connect, host, port) == 0 else {
      defer { close(descriptor) }
      throw Broken(description: "connect: \(Scratch.errnoText())")
    }
    return descriptor
  }

  private func write(_ data: Data, to descriptor: Int32) throws {
    try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      var sent = 0
      while sent < bytes.count {
        let count = Foundation.send(
          descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        guard count > 0 else { throw Broken(description: "send: \(Scratch.errnoText())") }
        sent += count
      }
    }
  }

  private func readAll(_ descriptor: Int32) throws -> Data {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count == 0 { return data }
      guard count > 0 else {
        // A server that refused a body early may reset the connection after its answer.
        if !data.isEmpty && errno == ECONNRESET { return data }
        throw Broken(description: "recv: \(Scratch.errnoText())")
      }
      data.append(contentsOf: buffer[..<count])
    }
  }

  private func parse(_ data: Data, isHead: Bool) throws -> Response {
    var rest = data
    while true {
      guard let end = rest.firstRange(of: Data("\r\n\r\n".utf8)) else {
        throw Broken(description: "no whole answer in \(data.count) bytes")
      }
      let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
        throw Broken(description: "no status in \(lines[0])")
      }
      rest = rest[end.upperBound...]
      if status == 100 { continue }
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      let body = isHead ? Data() : try content(Data(rest), headers)
      return Response(status: status, headers: headers, body: body)
    }
  }

  private func content(_ data: Data, _ headers: [String: String]) throws -> Data {
    if headers["transfer-encoding"] == "chunked" { return try unchunked(data) }
    guard let length = headers["content-length"].flatMap({ Int($0) }) else { return data }
    guard data.count >= length else {
      throw Broken(description: "the answer broke off after \(data.count) of \(length) bytes")
    }
    return data.prefix(length)
  }

  private func unchunked(_ data: Data) throws -> Data {
    var rest = data
    var body = Data()
    while let line = rest.firstRange(of: Data("\r\n".utf8)) {
      let size = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
      guard let count = Int(size, radix: 16), rest.endIndex - line.upperBound >= count else { break }
      if count == 0 { return body }
      body += rest[line.upperBound..<(line.upperBound + count)]
      rest = rest[(line.upperBound + count + 2)...]
    }
    throw Broken(description: "the chunked answer broke off")
  }
}
