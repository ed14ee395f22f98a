import Access
import AppContainer
import ContainerImage
import HTTPServer
import LDAP
import Logging
import Registry
import RegistryAPI

/// How a setting of one type is written in a file and in the environment.
struct ConfigurationValue<Value> {
  /// What a value looks like, for messages.
  let expected: String
  /// - Returns: nil if it is no such value.
  let parse: (JSONValue) -> Value?
  /// The JSON text of a value.
  let print: (Value) -> String

  /// The value of a command's option.
  func parse(_ text: String, of option: String) throws(ConfigurationError) -> Value {
    guard let value = parse(.string(text)) else {
      throw ConfigurationError("\(option) is \"\(text)\": expected \(expected)")
    }
    return value
  }
}

extension ConfigurationValue where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    Self(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") { json in
      guard let value = json.integer, let number = Int(exactly: value), range.contains(number) else {
        return nil
      }
      return number
    } print: {
      "\($0)"
    }
  }
}

extension ConfigurationValue where Value == Int64 {
  /// Bytes.
  static func size(_ range: ClosedRange<Int64>) -> Self {
    Self(
      expected:
        "a size from \(ByteSize(range.lowerBound)) to \(ByteSize(range.upperBound)), such as 512KiB, 4MiB or 1GiB"
    ) { json in
      guard let value = bytes(json), range.contains(value) else { return nil }
      return value
    } print: {
      "\"\(ByteSize($0))\""
    }
  }

  private static func bytes(_ json: JSONValue) -> Int64? {
    switch json {
    case .integer(let number): number
    case .string(let text): ByteSize(parsing: text)?.bytes
    default: nil
    }
  }
}

extension ConfigurationValue where Value == Duration {
  /// - Parameter least: in seconds.
  static func duration(atLeast least: Int64) -> Self {
    Self(
      expected: "a duration\(least > 0 ? " of at least \(least)s" : ""), such as 500ms, 30s, 5m, 1h30m or 7d"
    ) { json in
      guard case .string(let text) = json, let value = Duration(parsing: text), value >= .seconds(least)
      else {
        return nil
      }
      return value
    } print: {
      "\"\($0.shortText)\""
    }
  }
}

extension ConfigurationValue where Value == Bool {
  static var boolean: Self {
    Self(expected: "true or false") { json in
      switch json {
      case .boolean(let value): value
      case .string("true"): true
      case .string("false"): false
      default: nil
      }
    } print: {
      "\($0)"
    }
  }
}

extension ConfigurationValue where Value == String {
  /// Of a directory.
  static var attribute: Self { text(expected: "the name of an attribute") }

  static var path: Self { text(expected: "a path") }

  private static func text(expected: String) -> Self {
    Self(expected: expected) { json in
      guard case .string(let text) = json, !text.isEmpty else { return nil }
      return text
    } print: {
      $0.quotedAsJSON
    }
  }
}

extension ConfigurationValue where Value == String? {
  static var optionalPath: Self {
    optional(expected: "the path of a file, or null") { $0.isEmpty ? nil : $0 }
  }

  static var optionalText: Self { optional(expected: "a text, or null") { $0.isEmpty ? nil : $0 } }

  static var optionalURL: Self {
    optional(expected: "a URL such as https://registry.example/token, or null") { text in
      let isURL = text.hasPrefix("https://") || text.hasPrefix("http://")
      return isURL && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        ? text : nil
    }
  }

  /// As in references to images.
  static var registryName: Self {
    optional(expected: "a registry's name as in references to images, such as registry.example:5000, or null")
    {
      try? ImageReference.registry(parsing: $0[...])
    }
  }

  /// - Parameter parse: what a text means; nil if it means nothing.
  private static func optional(
    expected: String, _ parse: @escaping @Sendable (String) -> String?
  ) -> Self {
    Self(expected: expected) { json in
      switch json {
      case .null: .some(nil)
      case .string(let text): parse(text).map(Optional.some)
      default: nil
      }
    } print: {
      $0?.quotedAsJSON ?? "null"
    }
  }
}

extension ConfigurationValue where Value == LDAPURL? {
  static var ldapURL: Self {
    Self(
      expected:
        "a URL such as ldaps://ldap.example.org, ldap://HOST or ldapi://%2Fpath%2Fof%2Fa%2Fsocket, or null"
    ) {
      json in
      switch json {
      case .null: .some(nil)
      case .string(let text): (try? LDAPURL(parsing: text)).map(Optional.some)
      default: nil
      }
    } print: {
      $0?.description.quotedAsJSON ?? "null"
    }
  }
}

extension ConfigurationValue where Value == LDAPFilter {
  static var ldapFilter: Self {
    Self(expected: "a filter such as (uid={user}) or (member={dn})") { json in
      guard case .string(let text) = json else { return nil }
      return try? LDAPFilter(parsing: text)
    } print: {
      $0.description.quotedAsJSON
    }
  }
}

extension ConfigurationValue where Value == AddressList {
  static var networks: Self {
    Self(expected: "addresses and networks such as 10.1.0.0/16 or ::1, or unix") { json in
      json.list { $0 }.flatMap { AddressList($0) }
    } print: { list in
      "[\(list.texts.map(\.quotedAsJSON).joined(separator: ", "))]"
    }
  }
}

extension ConfigurationValue where Value == [ListenAddress] {
  static var addresses: Self {
    Self(expected: "addresses such as 127.0.0.1:5000, [::1]:5000, :5000 (all) or unix:/run/kontor.sock") {
      json in
      json.list(ListenAddress.init(parsing:))
    } print: { addresses in
      "[\(addresses.map { $0.description.quotedAsJSON }.joined(separator: ", "))]"
    }
  }
}

extension ConfigurationValue where Value == [TagPattern] {
  static var tagPatterns: Self {
    Self(expected: "patterns of tags, such as team/**:v*") { json in
      json.list { try? TagPattern(parsing: $0) }
    } print: { patterns in
      "[\(patterns.map { $0.description.quotedAsJSON }.joined(separator: ", "))]"
    }
  }
}

extension ConfigurationValue where Value == [Quota] {
  static var quotas: Self {
    Self(expected: "quotas such as team=10GiB, users/*=500tags or /=1TiB, each with a prefix of repositories")
    { json in
      json.list { try? Quota(parsing: $0) }
    } print: { quotas in
      "[\(quotas.map { $0.description.quotedAsJSON }.joined(separator: ", "))]"
    }
  }
}

extension ConfigurationValue where Value == [String] {
  /// Names of hosts, without ports.
  static var hosts: Self {
    Self(expected: "names of hosts such as images.example.com, without ports") { json in
      json.list { text in
        let isName = (try? ACIdentifier(parsing: text)) != nil && !text.contains("/")
        return isName ? text : nil
      }
    } print: { hosts in
      "[\(hosts.map(\.quotedAsJSON).joined(separator: ", "))]"
    }
  }
}

extension ConfigurationValue
where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: Self {
    Self(expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) { json in
      guard case .string(let text) = json else { return nil }
      return Value(rawValue: text)
    } print: {
      "\"\($0.rawValue)\""
    }
  }
}

extension JSONValue {
  /// Texts of an array or, as the environment has them, of one text with commas.
  /// - Returns: nil if one of them is no value.
  fileprivate func list<Element>(_ parse: (String) -> Element?) -> [Element]? {
    let texts: [JSONValue]
    switch self {
    case .array(let values): texts = values
    case .string(let text): texts = text.split(separator: ",").map { .string(String($0)) }
    default: return nil
    }
    var elements: [Element] = []
    for text in texts {
      guard case .string(let text) = text, let element = parse(text) else { return nil }
      elements.append(element)
    }
    return elements
  }

  /// A whole number; the environment has it as text.
  fileprivate var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .string(let text): Int64(text)
    default: nil
    }
  }
}

extension String {
  fileprivate var quotedAsJSON: String {
    "\"" + replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
