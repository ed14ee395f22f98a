import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// An IPv4 or IPv6 address without a port. An IPv4 address that comes as an IPv6 one, as on a socket for both, is the former.
struct NetworkAddress: Sendable, Hashable {
  /// 4 or 16, in network byte order.
  let bytes: [UInt8]

  private static let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

  private init(_ raw: UnsafeRawBufferPointer) {
    let bytes = Array(raw)
    self.bytes = bytes.starts(with: Self.mapped) ? Array(bytes[12...]) : bytes
  }

  /// - Returns: nil if the text is no address.
  init?(parsing text: some StringProtocol) {
    var four = in_addr()
    if inet_pton(AF_INET, String(text), &four) == 1 {
      self = withUnsafeBytes(of: four) { Self($0) }
      return
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
    self = withUnsafeBytes(of: six) { Self($0) }
  }

  /// - Returns: nil for a Unix domain socket.
  init?(_ address: SocketAddress) {
    switch address {
    case .v4(let address): self = withUnsafeBytes(of: address.address.sin_addr) { Self($0) }
    case .v6(let address): self = withUnsafeBytes(of: address.address.sin6_addr) { Self($0) }
    case .unixDomainSocket: return nil
    }
  }

  /// What is taken for one client: an IPv4 address, or all that are given to one subscriber in IPv6, a /64.
  var subscriber: ArraySlice<UInt8> { bytes.count == 16 ? bytes[..<8] : bytes[...] }
}
