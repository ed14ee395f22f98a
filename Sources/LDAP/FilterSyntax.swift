import CLdap

/// Whether libldap takes a text for a filter, or for a distinguished name, without that anything is sent.
enum FilterSyntax {
  static func isFilter(_ text: String) -> Bool {
    // libldap offers no parser for itself. A search is encoded before it is sent, though; connecting to what is no
    // socket then fails at once.
    guard let handle = try? LDAPHandle(address: LDAPHandle.nowhere) else { return false }
    var message: Int32 = 0
    let code = ldap_search_ext(
      handle.pointer, "", LDAPHandle.subtree, text, nil, 0, nil, nil, nil, 1, &message)
    return code == LDAP_SERVER_DOWN
  }

  /// RFC 4514. One that is empty is one.
  static func isDistinguishedName(_ text: String) -> Bool {
    guard !text.utf8.contains(0) else { return false }
    var name: LDAPDN?
    guard ldap_str2dn(text, &name, LDAPHandle.versionThreeNames) == LDAP_SUCCESS else { return false }
    ldap_dnfree(name)
    return true
  }
}
