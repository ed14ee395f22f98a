import Testing

@testable import HTTPServer

@Suite("address lists")
struct AddressListTests {
  @Test(
    "addresses are in networks by their leading bits",
    arguments: [
      ("10.1.0.0/16", "10.1.255.255", true), ("10.1.0.0/16", "10.2.0.0", false),
      ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
      ("10.1.2.4/31", "10.1.2.5", true), ("10.1.2.4/31", "10.1.2.6", false),
      ("0.0.0.0/0", "192.0.2.1", true), ("0.0.0.0/0", "2001:db8::1", false),
      ("::/0", "192.0.2.1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
      ("2001:db8::/33", "2001:db8:8000::1", false), ("::1", "::1", true),
      ("192.0.2.0/24", "::ffff:192.0.2.7", true), ("10.1.2.3", "", false), ("10.1.2.3", "unix", false),
      ("unix", "unix", true), ("unix", "10.1.2.3", false),
    ])
  func contains(network: String, address: String, isIn: Bool) throws {
    let list = try #require(AddressList(["203.0.113.1", network]))
    #expect(list.contains(address) == isIn)
  }

  @Test(
    "what is no network is refused",
    arguments: [
      "", "10.1", "10.1.2.3/33", "10.1.2.3/-1", "10.1.2.3/", "10.1.2.3/8/8", "::1/129", "host", "10.1.2.3:80",
    ])
  func refused(text: String) {
    #expect(AddressList([text]) == nil)
  }

  @Test("nobody is in an empty list")
  func empty() {
    #expect(!AddressList().contains("127.0.0.1"))
  }
}
