import Foundation
import Synchronization

/// A daemon on a Unix socket that says what a test wants it to.
final class ScriptedSocket: Sendable {
  /// One connection: what is waited for, and what is said then, before it is closed.
  struct Step: Sendable {
    var until: String
    var answer: [UInt8]

    init(until: String = "\r\n\r\n", _ answer: String) { self.init(until: until, bytes: Array(answer.utf8)) }

    init(until: String = "\r\n\r\n", bytes: [UInt8]) {
      self.until = until
      answer = bytes
    }

    /// What Docker says to a ping.
    static let pong = Step("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
  }

  struct Failure: Error { var code = errno }

  let path: String
  private let listener: CInt
  private let requests = Mutex<[Data]>([])

  /// What came on each connection.
  var received: [Data] { requests.withLock { $0 } }

  init(in directory: String, _ steps: [Step]) throws {
    path = "\(directory)/scripted.sock"
    unlink(path)
    listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0, listen(listener, 8) == 0 else { throw Failure() }
    let thread = Thread { [listener] in
      for step in steps {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        self.serve(connection, step)
      }
    }
    thread.start()
  }

  /// Ends the thread, if it still waits.
  func stop() {
    shutdown(listener, CInt(SHUT_RDWR))
    close(listener)
  }

  private func serve(_ connection: CInt, _ step: Step) {
    defer { close(connection) }
    var request = Data()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while request.range(of: Data(step.until.utf8)) == nil {
      let count = read(connection, &buffer, buffer.count)
      if count <= 0 { break }
      request += buffer[..<count]
    }
    requests.withLock { $0.append(request) }
    var rest = step.answer[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// Runs `body` with a daemon that says these things.
func withSocket(
  _ directory: String, _ steps: [ScriptedSocket.Step], _ body: (ScriptedSocket) throws -> Void
) throws {
  let socket = try ScriptedSocket(in: directory, steps)
  defer { socket.stop() }
  try body(socket)
}
