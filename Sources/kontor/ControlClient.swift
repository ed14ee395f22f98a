#if canImport(Glibc)
  import Glibc
#endif

/// Asks the server that has a data directory to do something to it, through the socket there.
struct ControlClient {
  struct Answer {
    let status: Int
    /// Whether something was found that a person has to look at.
    let isAlarming: Bool
    let body: String
  }

  private let path: String

  init(data: String) {
    path = Self.socket(in: data)
  }

  static func socket(in data: String) -> String { data + "/control.sock" }

  /// - Parameter target: path and query.
  func post(_ target: String) throws(Failure) -> Answer {
    let descriptor = try connected()
    defer { close(descriptor) }
    let request = Array(
      "POST \(target) HTTP/1.1\r\nHost: control\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
    guard write(descriptor, request, request.count) == request.count else { throw broken }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 { throw broken }
      if count == 0 { break }
      answer += buffer[..<count]
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
      throw broken
    }
    return Answer(
      status: status,
      isAlarming: text[..<end.lowerBound].lowercased().contains("\r\nx-kontor-alarming: true"),
      body: String(text[end.upperBound...]))
  }

  private var broken: Failure { Failure(message: "the server at \(path) did not answer; see its log") }

  private func connected() throws(Failure) -> CInt {
    var address = sockaddr_un()
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Failure(
        message: "the path \(path) is too long for a socket: name the data directory by a shorter path")
    }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard descriptor >= 0, result == 0 else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw Failure(message: "a process has the data directory, but does not answer at \(path): \(reason)")
    }
    return descriptor
  }
}
