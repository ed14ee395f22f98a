import NIOCore
import NIOHTTP1

/// Where a client is, as far as addresses tell.
struct ClientAddress: Sendable, Hashable {
  /// The address without its port; `unix` for a Unix domain socket.
  let text: String
  /// By which it is told from other clients: the address, or in IPv6 the /64 that a subscriber has.
  let subscriber: String

  /// Addresses that are read of a header; beyond, nobody needs to be believed.
  private static let mostHops = 32

  /// Whoever a connection comes from.
  init(_ peer: SocketAddress?) {
    switch peer {
    case .unixDomainSocket, nil: (text, subscriber) = (AddressList.unix, AddressList.unix)
    case let peer?:
      let text = peer.ipAddress ?? "unknown"
      self =
        NetworkAddress(peer).map { ClientAddress($0, text) } ?? ClientAddress(text: text, subscriber: text)
    }
  }

  private init(text: String, subscriber: String) {
    self.text = text
    self.subscriber = subscriber
  }

  private init(_ address: NetworkAddress, _ text: String) {
    self.text = text
    let part = address.subscriber
    subscriber =
      part.count == 8
      ? stride(from: 0, to: 8, by: 2).map { String(Int(part[$0]) << 8 | Int(part[$0 + 1]), radix: 16) }
        .joined(separator: ":") + "::/64"
      : text
  }

  /// For whom a proxy asks, if this is one that is believed: the last address of `X-Forwarded-For` that is not such a proxy too.
  /// Each proxy adds at the end from where it was asked; what comes before the first one that is not believed, anybody can have
  /// written.
  func client(askingThrough proxies: AddressList, _ headers: HTTPHeaders) -> ClientAddress {
    var nearest = self
    guard proxies.contains(text) else { return nearest }
    let hops = headers["x-forwarded-for"].flatMap {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    for hop in hops.suffix(Self.mostHops).reversed() {
      guard let next = Self.parse(hop) else { return nearest }
      nearest = next
      if !proxies.contains(next.text) { return nearest }
    }
    return nearest
  }

  /// - Parameter hop: an address; some proxies add the port, and then IPv6 is in brackets.
  private static func parse(_ hop: Substring) -> ClientAddress? {
    var text = hop.drop { $0 == " " || $0 == "\t" }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      text = text[text.index(after: text.startIndex)..<end]
    } else if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1, let colon = text.firstIndex(of: ":") {
      text = text[..<colon]
    }
    return NetworkAddress(parsing: text).map { ClientAddress($0, String(text)) }
  }
}
