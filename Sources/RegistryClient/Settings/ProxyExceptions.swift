/// The hosts of a `NO_PROXY` list, separated by commas: `example.com` (and all below it), `.example.com` or
/// `*.example.com` (only those below it), an address, a network such as `10.0.0.0/8`, each but the last perhaps with a
/// port, and `*` for all.
struct ProxyExceptions: Sendable {
  private enum Rule: Sendable {
    case all
    case network(IPAddress, prefixLength: Int)
    case address(IPAddress, port: UInt16?)
    /// - suffix: with its dot.
    case domain(suffix: String, includesItself: Bool, port: UInt16?)
  }

  private let rules: [Rule]

  /// An entry that is none of these is passed over, as the other programs do that read the variable.
  init(_ list: String) {
    rules = list.split(separator: ",").compactMap { Self.rule($0.trimmed.lowercased()) }
  }

  private static func rule(_ text: String) -> Rule? {
    if text == "*" { return .all }
    if let slash = text.firstIndex(of: "/") {
      guard let address = IPAddress(text[..<slash]), let length = Int(text[text.index(after: slash)...]),
        (0...(address.isIPv4 ? 32 : 128)).contains(length)
      else { return nil }
      return .network(address, prefixLength: length + (address.isIPv4 ? 96 : 0))
    }
    if let address = IPAddress(text) { return .address(address, port: nil) }
    var host = text[...]
    var port: UInt16?
    let end = text.lastIndex(of: "]") ?? text.startIndex
    if let colon = text[end...].lastIndex(of: ":") {
      guard let number = UInt16(text[text.index(after: colon)...]) else { return nil }
      port = number
      host = text[..<colon]
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    if let address = IPAddress(host) { return .address(address, port: port) }
    if host.hasPrefix("*.") { host = host.dropFirst() }
    guard !host.isEmpty else { return nil }
    let includesItself = !host.hasPrefix(".")
    return .domain(suffix: (includesItself ? "." : "") + host, includesItself: includesItself, port: port)
  }

  /// Whether a host is to be reached without a proxy: by the list, or because it is this machine.
  func contains(host: String, port: UInt16) -> Bool {
    let host = host.lowercased()
    let address = IPAddress(host)
    if host == "localhost" || address == IPAddress("::1") { return true }
    if let address, address.isIn(IPAddress("127.0.0.0"), prefixLength: 104) { return true }
    return rules.contains { rule in
      switch rule {
      case .all: true
      case .network(let network, let length): address?.isIn(network, prefixLength: length) == true
      case .address(let other, let rulePort): address == other && (rulePort ?? port) == port
      case .domain(let suffix, let includesItself, let rulePort):
        address == nil && (rulePort ?? port) == port
          && (host.hasSuffix(suffix) || (includesItself && host == suffix.dropFirst()))
      }
    }
  }
}
