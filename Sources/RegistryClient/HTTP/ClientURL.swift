import ContainerImage

/// An absolute `http` or `https` URL (RFC 3986), as far as a client of registries has to look into one.
struct ClientURL: Sendable, Hashable, CustomStringConvertible {
  var scheme: RegistryEndpoint.Scheme
  var host: RegistryHost
  /// With its leading slash, still encoded.
  var path: String
  /// Without the `?`, still encoded; nil if there is none.
  var query: String?

  init(scheme: RegistryEndpoint.Scheme, host: RegistryHost, path: String, query: String? = nil) {
    self.scheme = scheme
    self.host = host
    self.path = path
    self.query = query
  }

  /// - Returns: nil if it is no such URL, or has a user in it.
  init?(_ text: String) {
    guard let end = text.firstRange(of: "://"),
      let scheme = RegistryEndpoint.Scheme(rawValue: text[..<end.lowerBound].lowercased())
    else { return nil }
    let rest = text[end.upperBound...].prefix { $0 != "#" }
    guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard let host = try? RegistryHost(parsing: authority) else { return nil }
    self.scheme = scheme
    self.host = host
    (path, query) = Self.split(rest.dropFirst(authority.count))
  }

  /// A `Location` header's value, which may leave out what this URL has (RFC 3986, section 4.2).
  /// - Returns: nil if it is no address of this kind.
  func resolving(_ location: String) -> ClientURL? {
    if location.hasPrefix("//") { return ClientURL("\(scheme.rawValue):\(location)") }
    let end = location.firstIndex { "/?#".contains($0) } ?? location.endIndex
    if location[..<end].contains(":") { return ClientURL(location) }
    var result = self
    if location.hasPrefix("/") {
      (result.path, result.query) = Self.split(location[...].prefix { $0 != "#" })
    } else if location.hasPrefix("?") {
      result.query = Self.split("/" + location.prefix { $0 != "#" }).query
    } else {
      let directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
      (result.path, result.query) = Self.split((directory + location).prefix { $0 != "#" })
    }
    return result.path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? result : nil
  }

  /// With one more parameter.
  func adding(_ name: String, _ value: String) -> ClientURL {
    var result = self
    let item = "\(name)=\(value.percentEncoded)"
    result.query = query.map { $0.isEmpty ? item : "\($0)&\(item)" } ?? item
    return result
  }

  var port: UInt16 { host.port ?? scheme.port }

  /// Whether what is meant for one may be shown to the other: the same server, and no less protected.
  func hasOrigin(of other: ClientURL) -> Bool {
    host.name.lowercased() == other.host.name.lowercased() && port == other.port && scheme == other.scheme
  }

  /// `scheme://host:port`
  var origin: String { "\(scheme.rawValue)://\(host)" }

  var description: String { origin + path + (query.map { "?\($0)" } ?? "") }

  /// Without the query, which may hold what authorizes.
  var forMessages: String { origin + path }

  private static func split(_ text: some StringProtocol) -> (path: String, query: String?) {
    let mark = text.firstIndex(of: "?")
    let path = String(text[..<(mark ?? text.endIndex)])
    return (path.isEmpty ? "/" : path, mark.map { String(text[text.index(after: $0)...]) })
  }
}
