import NIOCore
import Synchronization

/// Counts the open connections of each client, as far as addresses tell clients apart: by an IPv4 address, and in IPv6 by the
/// /64 that a subscriber has. Proxies ask for many clients, and are not counted.
final class ConnectionsPerAddress: Sendable {
  private let limit: Int
  private let proxies: AddressList
  private let counts = Mutex<[ArraySlice<UInt8>: Int]>([:])

  init(limit: Int, except proxies: AddressList) {
    self.limit = limit
    self.proxies = proxies
  }

  /// - Returns: false if the connection is one too many. Otherwise it is counted until the channel closes.
  func admit(_ channel: any Channel) -> Bool {
    guard let address = channel.remoteAddress, let client = NetworkAddress(address)?.subscriber,
      proxies.isEmpty || !proxies.contains(ClientAddress(address).text)
    else { return true }
    let isAdmitted = counts.withLock { counts in
      let count = counts[client, default: 0]
      guard count < limit else { return false }
      counts[client] = count + 1
      return true
    }
    if isAdmitted { channel.closeFuture.whenComplete { [self] _ in leave(client) } }
    return isAdmitted
  }

  private func leave(_ client: ArraySlice<UInt8>) {
    counts.withLock { counts in
      let left = (counts[client] ?? 1) - 1
      counts[client] = left > 0 ? left : nil
    }
  }
}
