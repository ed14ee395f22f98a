import CLdap

#if canImport(Glibc)
  import Glibc
#endif

/// libldap's `LDAP *`, which is unbound and freed with this. One thread at a time may use it.
struct LDAPHandle: ~Copyable {
  /// Where nothing listens.
  static let nowhere = "ldapi://%2Fdev%2Fnull"
  /// `LDAP_SCOPE_SUBTREE`, a macro that Swift does not import.
  static let subtree: Int32 = 2
  /// `LDAP_DN_FORMAT_LDAPV3`, likewise.
  static let versionThreeNames: UInt32 = 0x10

  let pointer: OpaquePointer

  init(address: String) throws(LDAPError) {
    var pointer: OpaquePointer?
    let code = ldap_initialize(&pointer, address)
    guard code == LDAP_SUCCESS, let pointer else {
      throw .unavailable(url: address, reason: "libldap fails: \(Self.text(of: code))")
    }
    self.pointer = pointer
  }

  deinit { _ = ldap_unbind_ext(pointer, nil, nil) }

  /// - Returns: whether libldap took it.
  func set(_ option: Int32, to value: Int32) -> Bool {
    var value = value
    return ldap_set_option(pointer, option, &value) == LDAP_SUCCESS
  }

  /// - Returns: whether libldap took it.
  func set(_ option: Int32, to value: String) -> Bool {
    ldap_set_option(pointer, option, value) == LDAP_SUCCESS
  }

  /// - Parameter value: nil for no limit.
  /// - Returns: whether libldap took it.
  func set(_ option: Int32, to value: Duration?) -> Bool {
    var time = value.map(Self.time) ?? timeval(tv_sec: -1, tv_usec: 0)
    return ldap_set_option(pointer, option, &time) == LDAP_SUCCESS
  }

  /// Off, or the text that is there by default.
  /// - Returns: whether libldap took it.
  func clear(_ option: Int32) -> Bool { ldap_set_option(pointer, option, nil) == LDAP_SUCCESS }

  func text(of option: Int32) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard ldap_get_option(pointer, option, &text) == LDAP_SUCCESS, let text else { return nil }
    defer { ldap_memfree(text) }
    return String(cString: text)
  }

  func number(of option: Int32) -> Int32? {
    var number: Int32 = 0
    return ldap_get_option(pointer, option, &number) == LDAP_SUCCESS ? number : nil
  }

  static func time(_ duration: Duration) -> timeval {
    let (seconds, attoseconds) = duration.components
    return timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
  }

  static func text(of code: Int32) -> String {
    "\(ldap_err2string(code).map { String(cString: $0) } ?? "unknown") (\(code))"
  }
}
