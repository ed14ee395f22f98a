import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// A host and perhaps a port, as in a URL.
public struct RegistryHost: Sendable, Hashable, CustomStringConvertible {
  /// A domain or an address; one of IPv6 without its brackets.
  public let name: String
  public let port: UInt16?

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: Substring) throws(InvalidValue) {
    _ = try ImageReference.registry(parsing: text)
    let end = text.lastIndex(of: "]") ?? text.startIndex
    let colon = text[end...].lastIndex(of: ":")
    let host = text[..<(colon ?? text.endIndex)]
    name = String(host.hasPrefix("[") ? host.dropFirst().dropLast() : host)
    port = colon.flatMap { UInt16(text[text.index(after: $0)...]) }
  }

  public var description: String {
    (name.contains(":") ? "[\(name)]" : name) + (port.map { ":\($0)" } ?? "")
  }

  /// `localhost`, 127.0.0.0/8 or ::1: what is sent there stays on this machine.
  public var isLoopback: Bool {
    if name.lowercased() == "localhost" { return true }
    guard let address = IPAddress(name) else { return false }
    return address == IPAddress("::1") || address.isIn(IPAddress("127.0.0.0"), prefixLength: 104)
  }
}

/// An address of IPv6; one of IPv4 as the IPv6 address that stands for it (RFC 4291, section 2.5.5.2).
struct IPAddress: Equatable {
  private let bytes: [UInt8]
  let isIPv4: Bool

  init?(_ text: some StringProtocol) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, String(text), &four) == 1 {
      bytes = [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + withUnsafeBytes(of: &four) { Array($0) }
      isIPv4 = true
    } else if inet_pton(AF_INET6, String(text), &six) == 1 {
      bytes = withUnsafeBytes(of: &six) { Array($0) }
      isIPv4 = false
    } else {
      return nil
    }
  }

  /// - Parameter prefixLength: in bits, of 128.
  func isIn(_ network: IPAddress?, prefixLength: Int) -> Bool {
    guard let network else { return false }
    let whole = prefixLength / 8
    guard bytes[..<whole] == network.bytes[..<whole] else { return false }
    let bits = prefixLength % 8
    guard bits > 0 else { return true }
    return (bytes[whole] ^ network.bytes[whole]) >> (8 - UInt8(bits)) == 0
  }
}
