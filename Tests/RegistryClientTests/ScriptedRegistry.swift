import Foundation
import Synchronization

@testable import RegistryClient

/// A server on loopback that answers as a test tells it: rightly, wrongly, or not to the end.
final class ScriptedRegistry: Sendable {
  struct Request: Sendable {
    var method: String
    /// With its query.
    var target: String
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    var path: String { String(target.prefix { $0 != "?" }) }
  }

  struct Answer: Sendable {
    var status = 200
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// Instead of the body's own length.
    var announcedLength: Int?
    /// Only so many bytes of the body are sent before the connection ends.
    var breaksAfter: Int?
    /// The connection ends without a word.
    var breaksHead = false
    /// The body is sent again and again.
    var isEndless = false

    static func json(_ status: Int, _ text: String, _ headers: [(String, String)] = []) -> Answer {
      Answer(
        status: status, headers: headers + [("Content-Type", "application/json")], body: Array(text.utf8))
    }
  }

  let port: UInt16
  private let listener: Int32
  private let respond: @Sendable (Request) -> Answer
  private let log = Mutex<[Request]>([])
  /// A body of a request is not read further than this, and the connection ends there.
  private let mostReceived: Mutex<Int?> = Mutex(nil)

  /// Runs `body` with a server that answers with `respond`; it ends with `body`.
  static func with<Result>(
    _ respond: @escaping @Sendable (Request) -> Answer, _ body: (ScriptedRegistry) async throws -> Result
  ) async throws -> Result {
    let server = try ScriptedRegistry(respond)
    defer { server.stop() }
    return try await body(server)
  }

  private init(_ respond: @escaping @Sendable (Request) -> Answer) throws {
    self.respond = respond
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        Glibc.bind(listener, address, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, address, &size) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { [self] in
          serve(connection)
          close(connection)
        }
      }
    }
  }

  private func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var host: String { "127.0.0.1:\(port)" }

  /// What was asked so far.
  var requests: [Request] { log.withLock { $0 } }

  /// The next body is broken off after so many bytes.
  func breakNextBody(after count: Int) { mostReceived.withLock { $0 = count } }

  private func serve(_ connection: Int32) {
    var buffer: [UInt8] = []
    while let request = receive(connection, &buffer) {
      log.withLock { $0.append(request) }
      guard send(respond(request), to: connection, isHead: request.method == "HEAD") else { return }
    }
  }

  private func receive(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
    let mark = Array("\r\n\r\n".utf8)
    var end = buffer.firstRange(of: mark)
    while end == nil {
      guard fill(connection, &buffer) else { return nil }
      end = buffer.firstRange(of: mark)
    }
    guard let end else { return nil }
    let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    buffer.removeFirst(end.upperBound)
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    var request = Request(method: String(words[0]), target: String(words[1]), headers: headers, body: [])
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < length {
      let limit = mostReceived.withLock { $0 }
      if let limit, buffer.count >= limit {
        mostReceived.withLock { $0 = nil }
        request.body = Array(buffer[..<limit])
        request.headers["broken"] = "yes"
        log.withLock { $0.append(request) }
        _ = respond(request)
        return nil
      }
      guard fill(connection, &buffer) else { return nil }
    }
    request.body = Array(buffer[..<length])
    buffer.removeFirst(length)
    return request
  }

  private func fill(_ connection: Int32, _ buffer: inout [UInt8]) -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(connection, &piece, piece.count, 0)
    guard count > 0 else { return false }
    buffer += piece[..<count]
    return true
  }

  /// - Returns: whether the connection goes on.
  private func send(_ answer: Answer, to connection: Int32, isHead: Bool) -> Bool {
    if answer.breaksHead { return false }
    var head = "HTTP/1.1 \(answer.status) Status\r\n"
    for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
    if !answer.isEndless { head += "Content-Length: \(answer.announcedLength ?? answer.body.count)\r\n" }
    guard write(Array((head + "\r\n").utf8), to: connection) else { return false }
    if isHead { return true }
    if answer.isEndless {
      while write(answer.body, to: connection) {}
      return false
    }
    let sent = answer.breaksAfter.map { Array(answer.body.prefix($0)) } ?? answer.body
    return write(sent, to: connection) && answer.breaksAfter == nil && answer.announcedLength == nil
  }

  private func write(_ bytes: [UInt8], to connection: Int32) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}

extension RegistryClient {
  /// A client whose machine says nothing about registries, and that does not wait long.
  static func forTests(_ change: (inout ClientOptions) -> Void = { _ in }) throws -> RegistryClient {
    var options = ClientOptions()
    options.usesPlainHTTP = true
    options.retries.delay = .milliseconds(1)
    change(&options)
    let nowhere = "/var/tmp/kontor-no-such-directory"
    return try RegistryClient(
      UserEnvironment(home: nowhere, variables: [:], userID: 0, root: nowhere), options: options)
  }
}
