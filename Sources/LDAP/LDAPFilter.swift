import ContainerImage

/// A search filter (RFC 4515) with `{user}` and `{dn}` where a user's name and distinguished name are put in.
///
///     try LDAPFilter(parsing: "(&(objectClass=person)(|(uid={user})(mail={user})))")
///
/// What is put in is always a value: whatever is in it, it cannot change the filter.
public struct LDAPFilter: Sendable, Hashable {
  public enum Placeholder: String, Sendable, CaseIterable {
    case user
    case distinguishedName = "dn"
  }

  private enum Part: Sendable, Hashable {
    case text(String)
    case value(Placeholder)
  }

  /// Bytes of a template.
  public static let maximumSize = 4096

  /// `(uid={user})`
  public static let user = LDAPFilter(parts: [.text("(uid="), .value(.user), .text(")")])
  /// `(member={dn})`
  public static let group = LDAPFilter(parts: [.text("(member="), .value(.distinguishedName), .text(")")])

  private let parts: [Part]

  /// - Parameter text: a brace that is not a placeholder's has to be written as `\7b` or `\7d`.
  /// - Throws: `LDAPError.unusable`, if it is no filter, or has another placeholder, or one that is not in a value.
  public init(parsing text: String) throws(LDAPError) {
    func unusable(_ reason: String) -> LDAPError {
      .unusable(what: "the LDAP filter \"\(ByteText.printable(text))\"", reason: reason)
    }
    guard text.utf8.count <= Self.maximumSize else {
      throw unusable("it has more than \(Self.maximumSize) bytes")
    }
    guard !ByteText.hasControls(text) else { throw unusable("there is a control character in it") }
    var parts: [Part] = []
    var rest = text[...]
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      guard rest[brace] == "{", let end = rest[brace...].firstIndex(of: "}") else {
        throw unusable("there is a brace without its other one; one that is meant itself is \\7b or \\7d")
      }
      let name = rest[rest.index(after: brace)..<end]
      guard let placeholder = Placeholder(rawValue: String(name)) else {
        throw unusable("{\(name)} is unknown; there are {user} and {dn}")
      }
      if brace > rest.startIndex { parts.append(.text(String(rest[..<brace]))) }
      parts.append(.value(placeholder))
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.init(parts: parts)

    guard hasOnlyStrictEscapes else {
      throw unusable("there is a backslash without two hexadecimal digits; one that is meant itself is \\5c")
    }
    // libldap takes a filter without parentheses, and what follows the last one, too.
    guard isInOnePairOfParentheses else { throw unusable("it is not in one pair of parentheses") }
    // An escaped asterisk is nothing that an attribute or a matching rule could be.
    let example = replacing { _ in "\\2a" }
    guard FilterSyntax.isFilter(example) else {
      throw unusable(
        FilterSyntax.isFilter(replacing { _ in "x" })
          ? "a placeholder is not in a value, as in (uid={user})" : "it is no filter by RFC 4515")
    }
  }

  private init(parts: [Part]) { self.parts = parts }

  public var placeholders: Set<Placeholder> {
    Set(
      parts.compactMap { part in
        if case .value(let placeholder) = part { placeholder } else { nil }
      })
  }

  /// The filter for one user.
  func text(user: String, distinguishedName: String = "") -> String {
    replacing { placeholder in
      switch placeholder {
      case .user: Self.escaped(user.utf8)
      case .distinguishedName: Self.escaped(distinguishedName.utf8)
      }
    }
  }

  /// A value, with a backslash and two digits for each byte but letters, digits, `-`, `.` and `_`. RFC 4515, section
  /// 3, asks for that for NUL, `(`, `)`, `*` and `\`, and allows it for all others.
  static func escaped(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let isPlain =
        byte.isAlphanumeric
        || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
      return isPlain ? String(UnicodeScalar(byte)) : "\\" + ByteText.hexadecimal(byte)
    }.joined()
  }

  private func replacing(_ value: (Placeholder) -> String) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .value(let placeholder): value(placeholder)
      }
    }.joined()
  }

  /// libldap also takes the escapes of LDAPv2, by which a backslash before a placeholder would change the value's
  /// first byte.
  private var hasOnlyStrictEscapes: Bool {
    parts.allSatisfy { part in
      guard case .text(let text) = part else { return true }
      let bytes = Array(text.utf8)
      return bytes.indices.allSatisfy { index in
        bytes[index] != UInt8(ascii: "\\")
          || index + 2 < bytes.count && bytes[(index + 1)...(index + 2)].allSatisfy(ByteText.isHexadecimal)
      }
    }
  }

  private var isInOnePairOfParentheses: Bool {
    let bytes = Array(replacing { _ in "x" }.utf8)
    guard bytes.first == UInt8(ascii: "("), bytes.last == UInt8(ascii: ")") else { return false }
    var depth = 0
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "(") { depth += 1 }
      if byte == UInt8(ascii: ")") { depth -= 1 }
      if depth <= 0, index < bytes.count - 1 { return false }
    }
    return depth == 0
  }
}

extension LDAPFilter: CustomStringConvertible {
  /// The template.
  public var description: String { replacing { "{\($0.rawValue)}" } }
}
