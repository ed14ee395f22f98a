import HTTPServer
import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

enum ClientError: Error {
  case system(String, errno: CInt)
  /// Nothing came for longer than any machine should need.
  case timedOut
  case endedEarly
  case notHTTP(String)
}

/// A socket and nothing else, so that a test decides about every byte that it sends.
final class Client: Sendable {
  private let descriptor: CInt
  private let isClosed = Mutex(false)
  private let received = Mutex<[UInt8]>([])

  /// - Parameter receiveBuffer: bytes that the kernel keeps for a client that does not read; nil for its default.
  init(to address: ListenAddress, receiveBuffer: CInt? = nil) async throws {
    let target: SocketAddress
    switch address {
    case .tcp(let host, let port): target = try SocketAddress(ipAddress: host, port: port)
    case .unix(let path): target = try SocketAddress(unixDomainSocketPath: path)
    }
    // A program that another test starts must not hold the connection.
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(target.protocol.rawValue, kind, 0)
    guard descriptor >= 0 else { throw ClientError.system("socket", errno: errno) }
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if var receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
    }
    try await blocking {
      guard target.withSockAddr({ Glibc.connect(descriptor, $0, socklen_t($1)) }) == 0 else {
        throw ClientError.system("connect", errno: errno)
      }
    }
  }

  deinit { close() }

  // MARK: Sending

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await blocking { [descriptor] in
      var sent = 0
      while sent < bytes.count {
        let count = bytes.withUnsafeBytes {
          Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
        }
        guard count > 0 else { throw ClientError.system("send", errno: errno) }
        sent += count
      }
    }
  }

  /// Sends zeros until the other side has not taken a byte for a while, or does not want any more.
  /// - Returns: the bytes that it took.
  func flood(upTo limit: Int) async throws -> Int {
    try await blocking { [descriptor] in
      let piece = [UInt8](repeating: 0, count: 64 << 10)
      var sent = 0
      while sent < limit {
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 1000) > 0 else { break }
        let count = Glibc.send(
          descriptor, piece, min(piece.count, limit - sent),
          CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
        if count > 0 {
          sent += count
        } else if errno != EAGAIN {
          break
        }
      }
      return sent
    }
  }

  /// Tells the server that nothing more comes; what it sends can still be read.
  func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// Closes with a reset, as a client that was killed may.
  func abort() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    let mustClose = isClosed.withLock { isClosed in
      defer { isClosed = true }
      return !isClosed
    }
    if mustClose { Glibc.close(descriptor) }
  }

  // MARK: Receiving

  /// The next response, or the next informational one.
  /// - Parameter isHead: whether it answers a HEAD, and so has no body whatever its header says.
  func response(isHead: Bool = false) async throws -> Response {
    try await blocking { try self.readResponse(isHead: isHead) }
  }

  /// Everything up to the end of the connection; a reset is an end.
  func rest() async throws -> [UInt8] {
    try await blocking {
      var all = self.received.withLock { received in
        defer { received = [] }
        return received
      }
      while let piece = try self.receive() { all += piece }
      return all
    }
  }

  /// Takes up to `count` bytes of what comes, and forgets them.
  func skip(_ count: Int) async throws {
    _ = try await blocking { try self.take(count) }
  }

  private func readResponse(isHead: Bool) throws -> Response {
    var head: [String] = []
    while true {
      let line = try takeLine()
      if line.isEmpty { break }
      head.append(line)
    }
    var response = try Response(head: head)
    if isHead || response.status < 200 || response.status == 204 || response.status == 304 { return response }
    if response["Transfer-Encoding"] == "chunked" {
      while true {
        guard let size = Int(try takeLine(), radix: 16) else { throw ClientError.notHTTP("chunk") }
        response.body += try take(size)
        guard try takeLine().isEmpty else { throw ClientError.notHTTP("chunk's end") }
        if size == 0 { break }
      }
    } else if let length = response["Content-Length"].flatMap({ Int($0) }) {
      response.body = try take(length)
    } else {
      while let piece = try receive() { received.withLock { $0 += piece } }
      response.body = received.withLock { $0 }
      received.withLock { $0 = [] }
    }
    return response
  }

  private func takeLine() throws -> String {
    var searched = 0
    while true {
      let line = received.withLock { received -> [UInt8]? in
        guard let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
          searched = received.count
          return nil
        }
        defer { received.removeFirst(end + 1) }
        return Array(received[..<end])
      }
      if let line {
        guard line.last == UInt8(ascii: "\r") else { throw ClientError.notHTTP("a line without CR") }
        return String(decoding: line.dropLast(), as: UTF8.self)
      }
      guard let piece = try receive() else { throw ClientError.endedEarly }
      received.withLock { $0 += piece }
    }
  }

  private func take(_ count: Int) throws -> [UInt8] {
    while received.withLock({ $0.count }) < count {
      guard let piece = try receive() else { throw ClientError.endedEarly }
      received.withLock { $0 += piece }
    }
    return received.withLock { received in
      defer { received.removeFirst(count) }
      return Array(received[..<count])
    }
  }

  private func receive() throws -> [UInt8]? {
    var failure: CInt = 0
    let piece = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, count in
      let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      failure = result < 0 ? errno : 0
      count = max(0, result)
    }
    switch failure {
    case 0, ECONNRESET: return piece.isEmpty ? nil : piece
    case EAGAIN: throw ClientError.timedOut
    default: throw ClientError.system("recv", errno: failure)
    }
  }
}
