/// What a `WWW-Authenticate` header asks for (RFC 9110, section 11.6.1; distribution's "Token Authentication
/// Specification").
enum AuthenticationChallenge: Equatable {
  case basic
  case bearer(realm: String, service: String?, scope: String?)

  /// Those of the given headers' values that are understood, in their order.
  static func parse(_ values: [String]) -> [AuthenticationChallenge] {
    values.flatMap { value -> [AuthenticationChallenge] in
      var parser = Parser(text: Array(value.utf8))
      return parser.challenges().compactMap { scheme, parameters in
        switch scheme.lowercased() {
        case "basic": return .basic
        case "bearer":
          guard let realm = parameters["realm"] else { return nil }
          return .bearer(realm: realm, service: parameters["service"], scope: parameters["scope"])
        default: return nil
        }
      }
    }
  }

  private struct Parser {
    let text: [UInt8]
    var position = 0

    /// Schemes with their parameters, whose names are in lower case.
    mutating func challenges() -> [(scheme: String, parameters: [String: String])] {
      var found: [(String, [String: String])] = []
      while true {
        skip(" \t,")
        let word = token()
        if word.isEmpty { return found }
        skip(" \t")
        if peek == UInt8(ascii: "="), !found.isEmpty {
          position += 1
          skip(" \t")
          let value = peek == UInt8(ascii: "\"") ? quoted() : token()
          found[found.count - 1].1[word.lowercased()] = value
        } else {
          found.append((word, [:]))
        }
      }
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skip(_ characters: String) {
      while let byte = peek, characters.utf8.contains(byte) { position += 1 }
    }

    private mutating func token() -> String {
      let start = position
      while let byte = peek, byte > 0x20, !",=\"".utf8.contains(byte) { position += 1 }
      return String(decoding: text[start..<position], as: UTF8.self)
    }

    private mutating func quoted() -> String {
      position += 1
      var value: [UInt8] = []
      while let byte = peek, byte != UInt8(ascii: "\"") {
        position += 1
        guard byte == UInt8(ascii: "\\"), let escaped = peek else {
          value.append(byte)
          continue
        }
        value.append(escaped)
        position += 1
      }
      if peek != nil { position += 1 }
      return String(decoding: value, as: UTF8.self)
    }
  }
}
