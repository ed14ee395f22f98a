import ContainerImage

/// Where a connection goes instead of to a host's own address, as curl's `--connect-to` has it: to try a server that the
/// host's name does not lead to yet. Name, certificate and credentials stay those of the host.
public struct ConnectionDetour: Sendable, Hashable {
  public let host: RegistryHost
  public let place: RegistryHost

  /// - Parameter text: `HOST:PORT:PLACE:PORT`; a host that is an IPv6 address is in brackets.
  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    let malformed = InvalidValue.malformed(
      "\(text.quotedForMessage): expected HOST:PORT:PLACE:PORT, such as example.com:443:127.0.0.1:8443")
    let hostEnd = text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
    guard let colon = text[hostEnd...].firstIndex(of: ":"),
      let middle = text[text.index(after: colon)...].firstIndex(of: ":")
    else { throw malformed }
    host = try RegistryHost(parsing: text[..<middle])
    place = try RegistryHost(parsing: text[text.index(after: middle)...])
    guard host.port != nil, place.port != nil else { throw malformed }
  }

  var curlText: String { "\(host):\(place)" }
}
