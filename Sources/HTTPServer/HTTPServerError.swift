/// Why a server does not start.
public enum HTTPServerError: Error, Sendable, CustomStringConvertible {
  case cannotListen(ListenAddress, reason: String)
  case tls(String)

  public var description: String {
    switch self {
    case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
    case .tls(let reason): reason
    }
  }
}
