import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

@Suite("addresses of clients")
struct ClientAddressTests {
  private static let proxies = AddressList(["10.0.0.0/8", "::1", "unix"]) ?? AddressList()

  @Test(
    "what a proxy says is believed as far as proxies that are believed wrote it",
    arguments: [
      ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
      // Written by the client itself, before the proxy's.
      ("10.0.0.1", ["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
      ("10.0.0.1", ["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
      ("10.0.0.1", ["192.0.2.7, 10.3.3.3,10.2.2.2"], "192.0.2.7"),
      ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
      ("10.0.0.1", ["192.0.2.7, nonsense, 10.2.2.2"], "10.2.2.2"), ("10.0.0.1", ["unknown"], "10.0.0.1"),
      ("10.0.0.1", ["192.0.2.7, "], "10.0.0.1"), ("10.0.0.1", [""], "10.0.0.1"),
      ("10.0.0.1", ["unix"], "10.0.0.1"),
      ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"), ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
      ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"), ("::1", ["192.0.2.7"], "192.0.2.7"),
      // Nobody that is believed.
      ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"), ("192.0.2.1", ["10.0.0.1"], "192.0.2.1"),
    ] as [(String, [String], String)])
  func forwarded(peer: String, values: [String], expected: String) throws {
    let address = ClientAddress(try SocketAddress(ipAddress: peer, port: 4711))
    let headers = HTTPHeaders(values.map { ("X-Forwarded-For", $0) })
    #expect(address.client(askingThrough: Self.proxies, headers).text == expected)
    #expect(address.client(askingThrough: AddressList(), headers).text == peer)
  }

  @Test("a Unix domain socket may be a proxy's")
  func unix() throws {
    let address = ClientAddress(try SocketAddress(unixDomainSocketPath: "/x"))
    #expect(address.text == "unix")
    let headers: HTTPHeaders = ["X-Forwarded-For": "192.0.2.7"]
    #expect(address.client(askingThrough: Self.proxies, headers).text == "192.0.2.7")
    #expect(address.client(askingThrough: AddressList(["10.0.0.1"]) ?? AddressList(), headers).text == "unix")
  }

  @Test("a long chain costs no more than its end")
  func long() throws {
    let address = ClientAddress(try SocketAddress(ipAddress: "10.0.0.1", port: 1))
    let hops = Array(repeating: "10.0.0.2", count: 100)
    let headers: HTTPHeaders = ["X-Forwarded-For": (["192.0.2.7"] + hops).joined(separator: ",")]
    #expect(address.client(askingThrough: Self.proxies, headers).text == "10.0.0.2")
  }

  @Test(
    "an IPv4 address is one client, and so is a /64",
    arguments: [
      ("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "0:0:0:0::/64"),
    ])
  func subscriber(peer: String, expected: String) throws {
    #expect(ClientAddress(try SocketAddress(ipAddress: peer, port: 1)).subscriber == expected)
  }

  @Test("an IPv4 address on a socket for both is one")
  func mapped() throws {
    let mapped = ClientAddress(try SocketAddress(ipAddress: "::ffff:192.0.2.7", port: 1))
    #expect(
      mapped.client(
        askingThrough: AddressList(["192.0.2.7"]) ?? AddressList(), ["x-forwarded-for": "192.0.2.8"]
      ).text == "192.0.2.8")
    #expect(mapped.subscriber == mapped.text)
  }
}
