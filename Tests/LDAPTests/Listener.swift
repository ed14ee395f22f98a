import Foundation

/// A socket on a port of 127.0.0.1 that the kernel picked. Connections to it succeed, and then nothing happens.
final class Listener: Sendable {
  let port: Int
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let isBound = Self.withAddress(port: 0) { bind(descriptor, $0, $1) } == 0
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) } == 0
    }
    self.descriptor = descriptor
    port = Int(UInt16(bigEndian: address.sin_port))
    guard isBound, isNamed, listen(descriptor, 64) == 0 else {
      throw DirectoryServer.Failure(description: "cannot listen: \(errno)")
    }
  }

  deinit { close(descriptor) }

  /// Answers each connection's first bytes with others, and leaves it open, or closes it if there are none.
  func answer(with bytes: [UInt8]) {
    let listening = dup(descriptor)
    Thread.detachNewThread {
      var open: [Int32] = []
      // It ends when the other side shuts the socket down.
      while case let connection = accept(listening, nil, nil), connection >= 0 {
        var buffer = [UInt8](repeating: 0, count: 1024)
        _ = read(connection, &buffer, buffer.count)
        if bytes.isEmpty { close(connection) } else { open.append(connection) }
        _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      }
      for connection in open { close(connection) }
      close(listening)
    }
  }

  func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  static func withAddress<Value>(
    port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
  ) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    address.sin_port = in_port_t(port).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
