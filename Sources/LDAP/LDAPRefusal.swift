/// Why nobody is logged in. For a log: who logs in is not to know.
public enum LDAPRefusal: Sendable, Hashable, CustomStringConvertible {
  /// The name is empty, has more bytes than a limit or a control character. Nothing was sent.
  case unusableName
  /// The password is empty, begins with a NUL or has more bytes than a limit. Nothing was sent.
  case unusablePassword
  /// The search finds nobody.
  case unknownUser
  /// The search finds several users. `filter` is with the name.
  case ambiguous(filter: String)
  /// The directory does not take the password.
  case wrongPassword
  /// The directory does not take the password, whether it is right or not: the account is locked, or has expired, for
  /// example.
  case notAllowed(reason: String)
  /// The search finds somebody whose name is another one: `found`.
  case otherName(found: String)

  public var description: String {
    switch self {
    case .unusableName: "the name is none that a user could have"
    case .unusablePassword: "the password is none that a user could have"
    case .unknownUser: "there is no such user"
    case .ambiguous(let filter):
      "there are several users for \(filter): make the filter or the directory unambiguous"
    case .wrongPassword: "the password is wrong"
    case .notAllowed(let reason): "the directory does not let this user log in: \(reason)"
    case .otherName(let found): "the user who is found is \"\(ByteText.printable(found))\""
    }
  }
}
