/// Which proxy to use for a URL, by the environment's variables.
///
/// libcurl reads them itself, but not as the Go programs do that its users know (`golang.org/x/net/http/httpproxy`). libcurl 7.88
/// - does not look at `HTTP_PROXY` in upper case,
/// - takes port 1080 where a proxy's URL has none,
/// - knows no `host:port` and no `*.domain` in `no_proxy`, and `*` only alone,
/// - asks the proxy for `localhost` too.
///
/// So a transfer gets the answer from here, or an empty proxy for none, together with an empty `CURLOPT_NOPROXY`.
public struct ProxySettings: Sendable {
  /// A proxy's URL, which may have a password in it.
  public struct Proxy: Sendable, Hashable, CustomStringConvertible {
    /// With scheme and port.
    public let url: Secret
    /// Without user and password.
    public let description: String

    /// - Parameter text: a URL, or a host with perhaps a port, which means `http://`. It is what the user wrote: whether
    ///   it makes sense is for the transfer to find out.
    init(_ text: String) {
      let scheme = text.firstRange(of: "://").map { String(text[..<$0.lowerBound]) } ?? "http"
      var rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
      var path = Substring()
      if let slash = rest.firstIndex(where: { "/?#".contains($0) }) {
        // A SOCKS proxy on a Unix socket has a path; for all others a path means nothing.
        if scheme.hasPrefix("socks"), rest[slash...].count > 1 { path = rest[slash...] }
        rest = rest[..<slash]
      }
      let at = rest.lastIndex(of: "@")
      let user = at.map { rest[...$0] } ?? ""
      var host = at.map { String(rest[rest.index(after: $0)...]) } ?? String(rest)
      let hasPort = host[(host.lastIndex(of: "]") ?? host.startIndex)...].contains(":")
      if !hasPort, path.isEmpty {
        switch scheme.lowercased() {
        case "http": host += ":80"
        case "https": host += ":443"
        default: host += ":1080"
        }
      }
      url = Secret("\(scheme)://\(user)\(host)\(path)")
      description = "\(scheme)://\(host)\(path)"
    }
  }

  private let http: Proxy?
  private let https: Proxy?
  private let exceptions: ProxyExceptions

  /// Upper case counts before lower case, as in Go. `ALL_PROXY`, which Go does not know, is for what has no other.
  public init(_ environment: UserEnvironment) {
    let all = environment["ALL_PROXY"] ?? environment["all_proxy"]
    // Under a web server a request's header "Proxy:" becomes this variable (CVE-2016-5385).
    let upper = environment["REQUEST_METHOD"] == nil ? environment["HTTP_PROXY"] : nil
    http = (upper ?? environment["http_proxy"] ?? all).map { Proxy($0) }
    https = (environment["HTTPS_PROXY"] ?? environment["https_proxy"] ?? all).map { Proxy($0) }
    exceptions = ProxyExceptions(environment["NO_PROXY"] ?? environment["no_proxy"] ?? "")
  }

  /// One for all servers but this machine.
  /// - Parameter proxy: a URL, or a host with perhaps a port.
  public init(all proxy: String) {
    http = Proxy(proxy)
    https = http
    exceptions = ProxyExceptions("")
  }

  /// - Parameters:
  ///   - scheme: of the URL to get.
  ///   - host: a domain or an address, one of IPv6 without brackets.
  ///   - port: of the URL, the scheme's own one if it has none.
  /// - Returns: nil for no proxy, as always for this machine itself.
  public func proxy(scheme: RegistryEndpoint.Scheme, host: String, port: UInt16) -> Proxy? {
    guard let proxy = scheme == .https ? https : http else { return nil }
    return exceptions.contains(host: host, port: port) ? nil : proxy
  }
}
