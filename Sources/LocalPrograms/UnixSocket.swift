#if canImport(Glibc)
  import Glibc
#endif

/// A connection to a program of this machine, through a socket in the file system. Blocks its thread, and looks now
/// and then whether it still should.
public final class UnixSocket {
  private let descriptor: CInt
  private let check: () throws -> Void

  /// Milliseconds between two looks.
  private static let pause: CInt = 200

  /// - Parameter check: is called while there is nothing to read, or no room to write; throws to give up.
  /// - Throws: `LocalProgramError`
  public init(connectedTo path: String, check: @escaping () throws -> Void = {}) throws(LocalProgramError) {
    var address = sockaddr_un()
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .pathTooLong }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.check = check
    guard descriptor >= 0 else { throw .system }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw .system }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes all of the bytes.
  /// - Throws: `LocalProgramError`, and what `check` throws.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      try wait(for: POLLOUT)
      let count = send(
        descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EPIPE || errno == ECONNRESET {
        throw LocalProgramError.brokenOff
      } else if errno != EINTR, errno != EAGAIN {
        throw LocalProgramError.system
      }
    }
  }

  /// - Returns: how many bytes were put at the buffer's start; 0 only at the end.
  /// - Throws: `LocalProgramError`, and what `check` throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      try wait(for: POLLIN)
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count >= 0 { return count }
      if errno == ECONNRESET { throw LocalProgramError.brokenOff }
      if errno != EINTR, errno != EAGAIN { throw LocalProgramError.system }
    }
  }

  private func wait(for events: CInt) throws {
    while true {
      try check()
      var state = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let count = poll(&state, 1, Self.pause)
      if count > 0 { return }
      if count < 0, errno != EINTR { throw LocalProgramError.system }
    }
  }
}
