import Foundation
import Synchronization

/// A way to a server that stops in the middle: of each connection it passes on so many of the server's bytes, and no more until it
/// is told to go on. So a test has transfers that are under way for as long as it likes, whatever the machine's speed.
final class PausingProxy: Sendable {
  private struct State {
    /// Bytes of each connection; nil for all.
    var limit: Int?
    var paused = 0
    var isStopped = false
    var refuses = false
    /// What is answered to each request instead.
    var answer: String?
    var accepted = 0
    var requests = ""
    var connections: Set<Int32> = []
  }

  let port: Int
  private let target: PlainHTTP
  private let listener: Int32
  private let state: Mutex<State>

  /// Runs `body` with a proxy before a server; it ends with `body`.
  static func with<Result>(
    to endpoint: Endpoint, passing limit: Int, _ body: (PausingProxy) async throws -> Result
  ) async throws -> Result {
    let proxy = try PausingProxy(to: endpoint, passing: limit)
    defer { proxy.stop() }
    return try await body(proxy)
  }

  private init(to endpoint: Endpoint, passing limit: Int) throws {
    target = PlainHTTP(endpoint)
    state = Mutex(State(limit: limit))
    (listener, port) = try LoopbackListener.open()
    let listener = listener
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        serve(client)
      }
    }
  }

  private func stop() {
    state.withLock { state in
      state.isStopped = true
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// `host:port`, the first part of an image's reference.
  var hostAndPort: String { "127.0.0.1:\(port)" }

  /// How many connections have come to the limit and wait.
  var paused: Int { state.withLock { $0.paused } }

  /// How many connections there have been.
  var accepted: Int { state.withLock { $0.accepted } }

  /// The heads of the requests that clients have sent without TLS.
  var requests: String { state.withLock { $0.requests } }

  /// Their first lines without the version, of those for `/v2/`: such as `GET /v2/trade/hello/manifests/v1`.
  var requestLines: [String] {
    requests.split(separator: "\r\n").filter { $0.hasSuffix(" HTTP/1.1") && $0.contains(" /v2/") }
      .map { String($0.dropLast(9)) }
  }

  /// Passes everything on from now on.
  func resume() { state.withLock { $0.limit = nil } }

  /// Passes on so many bytes of each connection, those that it has passed on already among them, until it is told to go on.
  func pause(after limit: Int) { state.withLock { $0.limit = limit } }

  /// Takes connections again after `refuse`.
  func goOn() { state.withLock { $0.refuses = false } }

  /// Breaks all connections off, and passes everything on from now on.
  func breakOff() {
    state.withLock { state in
      state.limit = nil
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
  }

  /// Breaks all connections off, and new ones at once, as if the server were gone.
  /// - Parameter answer: is given to each request before.
  func refuse(with answer: String? = nil) {
    state.withLock { state in
      state.refuses = true
      state.answer = answer
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
  }

  private func serve(_ client: Int32) {
    if state.withLock(\.refuses) {
      refuse(client)
      return
    }
    guard let server = try? target.open() else {
      close(client)
      return
    }
    let mayServe = state.withLock { state in
      state.accepted += 1
      state.connections.formUnion([client, server])
      return !state.isStopped
    }
    let group = DispatchGroup()
    for (source, sink) in [(client, server), (server, client)] {
      group.enter()
      Thread.detachNewThread { [self] in
        if mayServe { pass(from: source, to: sink, isAnswer: source == server) }
        // The end of one direction is the end of both: the other one may be waiting.
        for connection in [client, server] { shutdown(connection, Int32(SHUT_RDWR)) }
        group.leave()
      }
    }
    group.notify(queue: .global()) { [self] in
      state.withLock { $0.connections.subtract([client, server]) }
      close(client)
      close(server)
    }
  }

  private func refuse(_ client: Int32) {
    Thread.detachNewThread { [self] in
      defer { close(client) }
      guard let answer = state.withLock(\.answer) else { return }
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      let count = recv(client, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      record(buffer[..<count])
      _ = answer.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    }
  }

  private func pass(from source: Int32, to sink: Int32, isAnswer: Bool) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var passed = 0
    while true {
      let room = isAnswer ? waitForRoom(passed, sink) : buffer.count
      let count = recv(source, &buffer, min(room, buffer.count), 0)
      guard count > 0 else { return }
      passed += count
      if !isAnswer { record(buffer[..<count]) }
      var sent = 0
      while sent < count {
        let more = buffer[sent..<count].withUnsafeBytes {
          send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard more > 0 else { return }
        sent += more
      }
    }
  }

  private static let methods = ["GET ", "HEAD ", "PUT ", "POST ", "PATCH ", "DELETE "]

  /// A client sends its next request when it has the answer to the last one, so none begins within what was received.
  private func record(_ bytes: ArraySlice<UInt8>) {
    guard Self.methods.contains(where: { bytes.starts(with: $0.utf8) }) else { return }
    let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? bytes.endIndex
    state.withLock { $0.requests += String(decoding: bytes[..<end], as: UTF8.self) }
  }

  /// How many bytes may be passed on, when that is not none; 0 when nobody wants them any more.
  private func waitForRoom(_ passed: Int, _ sink: Int32) -> Int {
    var isWaiting = false
    defer { if isWaiting { state.withLock { $0.paused -= 1 } } }
    while true {
      let (room, isStopped) = state.withLock { state in
        let room = state.limit.map { max(0, $0 - passed) } ?? .max
        if room == 0, !isWaiting { state.paused += 1 }
        return (room, state.isStopped)
      }
      if room > 0 || isStopped { return room }
      isWaiting = true
      // POLLRDHUP: it has closed the connection.
      var event = pollfd(fd: sink, events: 0x2000, revents: 0)
      if poll(&event, 1, 5) != 0 { return 0 }
    }
  }
}

/// A socket that listens on a port of the kernel's choice.
enum LoopbackListener {
  /// A port that was free a moment ago, for programs that do not let the kernel choose one.
  static func unusedPort() throws -> Int {
    let (descriptor, port) = try open()
    close(descriptor)
    return port
  }

  static func open() throws -> (descriptor: Int32, port: Int) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, address, &size) == 0
      }
    }
    guard isBound else { throw PlainHTTP.Broken(description: "listen: \(Scratch.errnoText())") }
    return (listener, Int(UInt16(bigEndian: address.sin_port)))
  }
}
