import LDAP

extension LDAPDirectory {
  /// - Returns: nil if the user is unknown or the password is wrong.
  func login(_ user: String, password: String) async throws(LDAPError) -> Entry? {
    try await verdict(on: user, password: password).entry
  }
}
