import ContainerImage

/// Who somebody is, once that is proven. Of the same name, a user and a certificate are two.
public struct Identity: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable, CaseIterable, Codable {
    /// Nobody said who they are. There is no name.
    case anonymous
    /// A person, by a password.
    case user
    /// A robot, by an `APIToken`.
    case token
    /// A job of another system, by that system's ID token.
    case workload
    /// Whoever has a certificate's key.
    case certificate
  }

  public let kind: Kind
  /// Compared byte by byte; empty for `anonymous` only.
  public let name: String
  /// Those that it brings with it, such as from LDAP. `AccessRules` adds its own.
  public let groups: Set<String>

  /// - Parameter name: not empty.
  public init(kind: Kind, name: String, groups: Set<String> = []) {
    self.kind = kind
    self.name = name
    self.groups = groups
  }

  /// - Parameter text: as in rules, such as `workload:ci`; a name alone is a user's.
  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String, groups: Set<String> = []) throws(InvalidValue) {
    if text == Kind.anonymous.rawValue {
      self = .anonymous
      return
    }
    var (kind, name) = (Kind.user, text)
    if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
      guard let named = Kind(rawValue: String(text[..<colon])), named != .anonymous else {
        throw .malformed(
          "\(text.quotedForMessage) is nobody: expected a user's name, user:NAME, workload:NAME, certificate:NAME "
            + "or anonymous")
      }
      (kind, name) = (named, String(text[text.utf8.index(after: colon)...]))
    }
    if let problem = name.problemAsName { throw .malformed("\(text.quotedForMessage): \(problem)") }
    self.init(kind: kind, name: name, groups: groups)
  }

  public static let anonymous = Identity(kind: .anonymous, name: "")

  /// As in the rules: `user:alice`, or `anonymous`.
  public var description: String { kind == .anonymous ? kind.rawValue : "\(kind.rawValue):\(name)" }

  public static func == (left: Identity, right: Identity) -> Bool {
    left.kind == right.kind && ExactText(left.name) == ExactText(right.name) && left.groups == right.groups
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(ExactText(name))
    hasher.combine(groups)
  }
}
