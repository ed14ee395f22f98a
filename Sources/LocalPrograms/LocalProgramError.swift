#if canImport(Glibc)
  import Glibc
#endif

/// Why a program of this machine cannot be started, reached or understood.
public enum LocalProgramError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A socket's path has more bytes than there is room for in an address: 107.
  case pathTooLong
  /// A system call failed, with this `errno`.
  case system(code: CInt)
  /// The other side closed the connection before all was said.
  case brokenOff
  /// What came is no HTTP/1.1.
  case notHTTP

  /// From `errno`, right after the system call.
  static var system: LocalProgramError { .system(code: errno) }

  public var description: String {
    switch self {
    case .pathTooLong: "the socket's path is too long"
    case .system(let code): String(cString: strerror(code))
    case .brokenOff: "the connection was closed before all was said"
    case .notHTTP: "the answer is no HTTP"
    }
  }
}
