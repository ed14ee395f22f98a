import CLdap

/// What a directory's answer to a password means.
enum BindAnswer {
  /// What Active Directory says with invalidCredentials, other than that they are (MS-ADTS, section 3.1.1.3.1.9.1;
  /// Win32 error codes, as hexadecimal numbers).
  private static let activeDirectoryReasons = [
    "530": "not at this time", "531": "not from here", "532": "the password has expired",
    "533": "the account is disabled", "568": "too many groups", "701": "the account has expired",
    "773": "the password has to be changed first", "775": "the account is locked",
  ]

  /// - Returns: nil if the password is right.
  /// - Throws: `LDAPError`, if the directory cannot tell.
  static func refusal(
    in answer: LDAPConnection.Answer, from url: LDAPURL
  ) throws(LDAPError) -> LDAPRefusal? {
    switch answer.code {
    case LDAP_SUCCESS: return nil
    case LDAP_INVALID_CREDENTIALS:
      guard let reason = activeDirectoryReason(in: answer.diagnostic) else { return .wrongPassword }
      return .notAllowed(reason: reason)
    // The entry was deleted since the search.
    case LDAP_NO_SUCH_OBJECT: return .unknownUser
    // Of these, inappropriateAuthentication is for an entry without a password.
    case LDAP_UNWILLING_TO_PERFORM, LDAP_CONSTRAINT_VIOLATION, LDAP_INSUFFICIENT_ACCESS,
      LDAP_INAPPROPRIATE_AUTH:
      return .notAllowed(reason: answer.text)
    default: throw failure(answer, "it does not check passwords", url)
    }
  }

  static func failure(_ answer: LDAPConnection.Answer, _ what: String, _ url: LDAPURL) -> LDAPError {
    switch answer.code {
    case LDAP_BUSY, LDAP_UNAVAILABLE, LDAP_TIMELIMIT_EXCEEDED:
      .unavailable(url: url.description, reason: "\(what) now: \(answer.text)")
    case LDAP_CONFIDENTIALITY_REQUIRED, LDAP_STRONG_AUTH_REQUIRED:
      .misconfigured(
        url: url.description, reason: "\(what): \(answer.text); it wants TLS: use StartTLS or ldaps://")
    default: .misconfigured(url: url.description, reason: "\(what): \(answer.text)")
    }
  }

  /// "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 775, v4563"
  private static func activeDirectoryReason(in diagnostic: String) -> String? {
    guard let data = diagnostic.firstRange(of: ", data ") else { return nil }
    return activeDirectoryReasons[String(diagnostic[data.upperBound...].prefix { $0 != "," })]
  }
}
