import HTTPServer
import Testing

/// Addresses as an operator writes them.
@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:5000", ListenAddress.tcp(host: "127.0.0.1", port: 5000)),
    ("localhost:0", .tcp(host: "localhost", port: 0)),
    ("registry.example:65535", .tcp(host: "registry.example", port: 65535)),
    ("[::1]:80", .tcp(host: "::1", port: 80)),
    ("[fe80::1%eth0]:80", .tcp(host: "fe80::1%eth0", port: 80)),
    ("unix:/run/kontor.sock", .unix(path: "/run/kontor.sock")),
    ("unix:relative", .unix(path: "relative")),
  ])
  func parsesAndPrints(text: String, address: ListenAddress) {
    #expect(ListenAddress(parsing: text) == address)
    #expect(address.description == text)
  }

  @Test func parsesAllAddresses() {
    #expect(ListenAddress(parsing: ":5000") == .tcp(host: "::", port: 5000))
    #expect(ListenAddress.tcp(host: "::", port: 5000).description == "[::]:5000")
  }

  @Test(arguments: [
    "", ":", "host", "host:", "5000", "host:http", "host:65536", "host:-1", "host:+1", "host: 1", "host:1 ",
    "host:0x1", "host:٣", "::1:80", "::1", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[]:80", "[host]:80",
    "unix:", "http://host:80",
  ])
  func refuses(text: String) {
    #expect(ListenAddress(parsing: text) == nil)
  }

  /// 108 bytes with the NUL at its end.
  @Test func refusesAPathThatTheKernelHasNoRoomFor() {
    let path = String(repeating: "x", count: 107)
    #expect(ListenAddress(parsing: "unix:" + path) == .unix(path: path))
    #expect(ListenAddress(parsing: "unix:x" + path) == nil)
  }
}
