/// Who somebody is, or why nobody.
public enum LDAPVerdict: Sendable, Hashable {
  case accepted(LDAPDirectory.Entry)
  case refused(LDAPRefusal)

  public var entry: LDAPDirectory.Entry? {
    if case .accepted(let entry) = self { entry } else { nil }
  }
}
