import Testing

@testable import RegistryClient

/// Proxies are used as a Go program would use them.
@Suite struct SettingsProxyTests {
  private func proxy(
    _ variables: [String: String], _ host: String, port: UInt16? = nil,
    scheme: RegistryEndpoint.Scheme = .https
  ) -> String? {
    let environment = UserEnvironment(home: "/nowhere", variables: variables, userID: 1000)
    return ProxySettings(environment).proxy(scheme: scheme, host: host, port: port ?? scheme.port)?.url
      .exposed
  }

  @Test func eachSchemeHasItsVariableInEitherCase() {
    let upper = ["HTTPS_PROXY": "http://s:1", "HTTP_PROXY": "http://p:1", "https_proxy": "http://no:1"]
    #expect(proxy(upper, "a.example") == "http://s:1")
    #expect(proxy(upper, "a.example", scheme: .http) == "http://p:1")
    let lower = ["https_proxy": "http://s:1", "http_proxy": "http://p:1", "HTTPS_PROXY": ""]
    #expect(proxy(lower, "a.example") == "http://s:1")
    #expect(proxy(lower, "a.example", scheme: .http) == "http://p:1")
    #expect(proxy(["HTTP_PROXY": "http://p:1"], "a.example") == nil)
    #expect(proxy([:], "a.example") == nil)
    #expect(proxy(["all_proxy": "socks5://x:1", "HTTP_PROXY": "p:1"], "a.example") == "socks5://x:1")
    #expect(
      proxy(["all_proxy": "socks5://x:1", "HTTP_PROXY": "p:1"], "a.example", scheme: .http) == "http://p:1")
  }

  @Test func aHeaderOfARequestIsNoProxy() {
    #expect(proxy(["HTTP_PROXY": "evil:1", "REQUEST_METHOD": "GET"], "a.example", scheme: .http) == nil)
  }

  @Test(arguments: [
    ("proxy", "http://proxy:80"), ("proxy:3128", "http://proxy:3128"), ("http://proxy/", "http://proxy:80"),
    ("https://proxy", "https://proxy:443"), ("socks5h://proxy", "socks5h://proxy:1080"),
    ("http://me:p@ss@proxy:1/x?y", "http://me:p@ss@proxy:1"), ("http://[::1]", "http://[::1]:80"),
    ("[::1]:3128", "http://[::1]:3128"), ("socks5h://localhost/run/s.sock", "socks5h://localhost/run/s.sock"),
  ]) func aProxyGetsItsSchemeAndPort(_ value: String, _ url: String) {
    #expect(proxy(["HTTPS_PROXY": value], "a.example") == url)
  }

  @Test func aProxysPasswordIsNotShown() throws {
    let proxy = ProxySettings.Proxy("http://me:hunter2@proxy:1")
    #expect(proxy.description == "http://proxy:1")
    #expect(!"\(proxy) \(String(reflecting: proxy))".contains("hunter2"))
  }

  @Test(arguments: [
    ("example.com", "example.com", true), ("example.com", "a.example.com", true),
    ("example.com", "myexample.com", false), ("example.com", "example.com.evil", false),
    (".example.com", "a.example.com", true), (".example.com", "example.com", false),
    ("*.example.com", "a.example.com", true), ("*.example.com", "example.com", false),
    ("EXAMPLE.com", "A.Example.COM", true), ("x, example.com ,y", "example.com", true),
    ("example.com:443", "example.com", true), ("example.com:8443", "example.com", false),
    ("a,*", "anything", true), ("", "anything", false), (",:80,/,*.", "anything", false),
    ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false), ("10.0.0.0/12", "10.15.2.3", true),
    ("10.0.0.0/12", "10.16.2.3", false), ("10.0.0.0/33", "10.0.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
    ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3:443", "10.1.2.3", true), ("10.1.2.3:80", "10.1.2.3", false),
    ("0.0.0.0/0", "a.example", false), ("2.3", "10.1.2.3", false),
    ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe00::1", false), ("2001:DB8::1", "2001:db8:0::1", true),
    ("[2001:db8::1]:443", "2001:db8::1", true), ("[2001:db8::1]:80", "2001:db8::1", false),
  ]) func noProxyTakesDomainsAddressesNetworksAndPorts(_ list: String, _ host: String, _ isExcepted: Bool) {
    for name in ["NO_PROXY", "no_proxy"] {
      #expect((proxy(["HTTPS_PROXY": "p:1", name: list], host) == nil) == isExcepted)
    }
  }

  @Test(arguments: ["localhost", "LOCALHOST", "127.0.0.1", "127.9.8.7", "::1"])
  func thisMachineIsReachedWithoutAProxy(_ host: String) {
    #expect(proxy(["HTTPS_PROXY": "p:1"], host, port: 5000) == nil)
  }
}
