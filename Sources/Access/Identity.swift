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
