import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Counts the open connections of each client, as far as addresses tell clients apart: by an IPv4 address, and in IPv6 by the
/// /64 that a subscriber has.
final class ConnectionsPerAddress: Sendable {
  private let limit: Int
  private let counts = Mutex<[[UInt8]: Int]>([:])

  init(limit: Int) { self.limit = limit }

  /// - Returns: false if the connection is one too many. Otherwise it is counted until the channel closes.
  func admit(_ channel: any Channel) -> Bool {
    guard let client = channel.remoteAddress.flatMap(Self.client) else { return true }
    let isAdmitted = counts.withLock { counts in
      let count = counts[client, default: 0]
      guard count < limit else { return false }
      counts[client] = count + 1
      return true
    }
    if isAdmitted { channel.closeFuture.whenComplete { [self] _ in leave(client) } }
    return isAdmitted
  }

  private func leave(_ client: [UInt8]) {
    counts.withLock { counts in
      let left = (counts[client] ?? 1) - 1
      counts[client] = left > 0 ? left : nil
    }
  }

  /// - Returns: nil for a Unix domain socket.
  private static func client(_ address: SocketAddress) -> [UInt8]? {
    switch address {
    case .v4(let address): return withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
    case .v6(let address):
      let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
      // An IPv4 address, as on a socket for both.
      let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
      return Array(bytes.starts(with: mapped) ? bytes[12...] : bytes[..<8])
    case .unixDomainSocket: return nil
    }
  }
}
