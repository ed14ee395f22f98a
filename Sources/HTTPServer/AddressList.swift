/// Addresses and networks of clients, such as `10.1.0.0/16` or `::1` (RFC 4632, RFC 4291, section 2.3), and `unix` for whoever
/// comes over a Unix domain socket.
public struct AddressList: Sendable, Hashable {
  private struct Network: Sendable, Hashable {
    let bytes: [UInt8]
    let prefix: Int
  }

  static let unix = "unix"

  /// As they were given.
  public let texts: [String]
  private let networks: [Network]
  private let hasUnix: Bool

  /// - Returns: nil if one of them is none.
  public init?(_ texts: [String] = []) {
    var networks: [Network] = []
    for text in texts where text != Self.unix {
      guard let network = Self.network(text[...]) else { return nil }
      networks.append(network)
    }
    self.texts = texts
    self.networks = networks
    hasUnix = texts.contains(Self.unix)
  }

  /// No addresses.
  public init() { (texts, networks, hasUnix) = ([], [], false) }

  public var isEmpty: Bool { texts.isEmpty }

  /// - Parameter address: without a port, or `unix`. Anything else is in no list.
  public func contains(_ address: String) -> Bool {
    if hasUnix, address == Self.unix { return true }
    guard !networks.isEmpty, let bytes = NetworkAddress(parsing: address)?.bytes else { return false }
    return networks.contains { network in
      guard network.bytes.count == bytes.count else { return false }
      let (whole, rest) = (network.prefix / 8, network.prefix % 8)
      guard network.bytes[..<whole] == bytes[..<whole] else { return false }
      return rest == 0 || (network.bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0
    }
  }

  private static func network(_ text: Substring) -> Network? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let bytes = NetworkAddress(parsing: parts[0])?.bytes else { return nil }
    guard parts.count == 2 else { return Network(bytes: bytes, prefix: 8 * bytes.count) }
    guard let prefix = Int(parts[1]), (0...8 * bytes.count).contains(prefix) else { return nil }
    return Network(bytes: bytes, prefix: prefix)
  }
}
