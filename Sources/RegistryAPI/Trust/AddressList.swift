#if canImport(Glibc)
  import Glibc
#endif

/// Addresses and networks of clients, such as `10.1.0.0/16` or `::1` (RFC 4632, RFC 4291, section 2.3).
public struct AddressList: Sendable, Hashable {
  private struct Network: Sendable, Hashable {
    let bytes: [UInt8]
    let prefix: Int
  }

  /// As they were given.
  public let texts: [String]
  private let networks: [Network]

  /// - Returns: nil if one of them is none.
  public init?(_ texts: [String] = []) {
    var networks: [Network] = []
    for text in texts {
      guard let network = Self.network(text[...]) else { return nil }
      networks.append(network)
    }
    self.texts = texts
    self.networks = networks
  }

  /// No addresses.
  public init() { (texts, networks) = ([], []) }

  /// - Parameter address: without a port. Anything else than an address is in no list.
  public func contains(_ address: String) -> Bool {
    guard !networks.isEmpty, let bytes = Self.bytes(of: address[...]) else { return false }
    return networks.contains { network in
      guard network.bytes.count == bytes.count else { return false }
      let (whole, rest) = (network.prefix / 8, network.prefix % 8)
      guard network.bytes[..<whole] == bytes[..<whole] else { return false }
      return rest == 0 || (network.bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0
    }
  }

  /// Who is taken for one client: an IPv4 address, or all that are given to one subscriber in IPv6, a /64.
  static func client(_ address: String) -> String {
    guard let bytes = bytes(of: address[...]), bytes.count == 16 else { return address }
    return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "/64"
  }

  private static func network(_ text: Substring) -> Network? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let bytes = bytes(of: parts[0]) else { return nil }
    guard parts.count == 2 else { return Network(bytes: bytes, prefix: 8 * bytes.count) }
    guard let prefix = Int(parts[1]), (0...8 * bytes.count).contains(prefix) else { return nil }
    return Network(bytes: bytes, prefix: prefix)
  }

  /// An IPv4 address that comes as an IPv6 one, as on a socket for both, is the former.
  private static func bytes(of text: Substring) -> [UInt8]? {
    var four = in_addr()
    if inet_pton(AF_INET, String(text), &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
    var six = in6_addr()
    guard inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
    let bytes = withUnsafeBytes(of: six) { Array($0) }
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
    return bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
  }
}
