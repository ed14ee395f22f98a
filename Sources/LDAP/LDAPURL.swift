import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// Where a directory is: `ldap://HOST[:PORT]`, `ldaps://HOST[:PORT]` or `ldapi://%2Fpath%2Fof%2Fa%2Fsocket`
/// (RFC 4516, without all that is for a search; `ldaps` and `ldapi` are OpenLDAP's).
public struct LDAPURL: Sendable, Hashable {
  enum Location: Sendable, Hashable {
    /// In the clear, unless StartTLS follows.
    case plain(host: String, port: Int)
    /// By TLS from the first byte on.
    case encrypted(host: String, port: Int)
    /// By a socket of this machine.
    case socket(path: String)
  }

  /// Bytes of a socket's path: the most that `sun_path` takes.
  private static let maximumPath = 107
  /// Bytes of a host's name (RFC 1035, section 2.3.4).
  private static let maximumHost = 253

  let location: Location

  /// - Throws: `LDAPError.unusable`. Its message does not have the text, as that may have a password in it.
  public init(parsing text: String) throws(LDAPError) {
    let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw Self.unusable("\"ldap://HOST\", \"ldaps://HOST\" or \"ldapi://%2FPATH\" is expected")
    }
    // RFC 3986, section 3.1: upper case is the same.
    switch parts[0].lowercased() {
    case "ldap":
      let (host, port) = try Self.authority(parts[1], port: 389)
      location = .plain(host: host, port: port)
    case "ldaps":
      let (host, port) = try Self.authority(parts[1], port: 636)
      location = .encrypted(host: host, port: port)
    case "ldapi": location = .socket(path: try Self.path(parts[1]))
    default: throw Self.unusable("it begins with none of ldap://, ldaps:// and ldapi://")
    }
  }

  /// Whether nobody else can read what is sent there: this machine is never left.
  var isOfThisMachine: Bool {
    switch location {
    case .socket: return true
    case .plain(let host, _), .encrypted(let host, _):
      if host == "localhost" || host == "::1" { return true }
      var address = in_addr()
      // "127.example.org" begins with 127, too; so do not look at the text.
      return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
  }

  /// The host, whose name the certificate has to have. nil for a socket.
  var host: String? {
    switch location {
    case .plain(let host, _), .encrypted(let host, _): host
    case .socket: nil
    }
  }

  /// What libldap connects to. For `ldaps` that is the port without TLS, which is begun afterwards.
  var address: String {
    switch location {
    case .plain(let host, let port), .encrypted(let host, let port): "ldap://\(Self.bracketed(host)):\(port)"
    case .socket: description
    }
  }

  private static func authority(
    _ text: Substring, port standard: Int
  ) throws(LDAPError) -> (host: String, port: Int) {
    // One slash at the end is as good as none.
    let text = text.hasSuffix("/") ? text.dropLast() : text
    guard !text.utf8.contains(where: { "/?#@%".utf8.contains($0) }) else {
      throw unusable(
        "there is more in it than a host and a port; who searches, and where, is configured with other settings"
      )
    }
    var host = text
    var port = standard
    // The brackets of an IPv6 address keep its colons apart from the port's.
    let end = text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
    if let colon = text[end...].firstIndex(of: ":") {
      host = text[..<colon]
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.count <= 5, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(digits), (1...65535).contains(number)
      else { throw unusable("the port is not a number from 1 to 65535") }
      port = number
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      var address = in6_addr()
      guard inet_pton(AF_INET6, inner, &address) == 1 else {
        throw unusable("there is no IPv6 address between the brackets")
      }
      return (inner.lowercased(), port)
    }
    let isName = host.utf8.allSatisfy {
      $0.isAlphanumeric || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains($0)
    }
    guard isName, (1...maximumHost).contains(host.utf8.count), !host.hasPrefix("-"), !host.hasPrefix(".")
    else {
      throw unusable("the host is neither a name, nor an IPv4 address, nor an IPv6 address in brackets")
    }
    return (host.lowercased(), port)
  }

  private static func path(_ text: Substring) throws(LDAPError) -> String {
    let text = Array((text.hasSuffix("/") ? text.dropLast() : text).utf8)
    guard !text.contains(where: { "/?#@:".utf8.contains($0) }) else {
      throw unusable("the socket's path has to be written with %2F for each slash")
    }
    var bytes: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "%") {
        guard index + 2 < text.count, let high = ByteText.value(ofHexadecimal: text[index + 1]),
          let low = ByteText.value(ofHexadecimal: text[index + 2])
        else { throw unusable("a % without two hexadecimal digits is in the socket's path") }
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    guard bytes.first == UInt8(ascii: "/"), bytes.count > 1 else {
      throw unusable("the socket's path is not absolute: it has to begin with %2F")
    }
    guard bytes.count <= maximumPath else {
      throw unusable("the socket's path has more than \(maximumPath) bytes")
    }
    guard !bytes.contains(0), let path = String(validating: bytes, as: UTF8.self) else {
      throw unusable("the socket's path is not UTF-8, or has a NUL")
    }
    return path
  }

  private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

  private static func unusable(_ reason: String) -> LDAPError {
    .unusable(what: "the LDAP URL", reason: reason)
  }
}

extension LDAPURL: CustomStringConvertible {
  /// The URL, with the port. It can be parsed again.
  public var description: String {
    switch location {
    case .plain(let host, let port): "ldap://\(Self.bracketed(host)):\(port)"
    case .encrypted(let host, let port): "ldaps://\(Self.bracketed(host)):\(port)"
    case .socket(let path):
      "ldapi://"
        + path.utf8.map { byte in
          let isPlain =
            byte.isAlphanumeric
            || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
          return isPlain ? String(UnicodeScalar(byte)) : "%" + ByteText.hexadecimal(byte).uppercased()
        }.joined()
    }
  }
}
