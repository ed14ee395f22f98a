import CLdap
import Testing

@testable import LDAP

@Suite struct BindAnswerTests {
  private static func refusal(_ code: Int32, _ diagnostic: String = "") throws(LDAPError) -> LDAPRefusal? {
    let url = try LDAPURL(parsing: "ldap://example.org")
    return try BindAnswer.refusal(
      in: LDAPConnection.Answer(code: code, diagnostic: diagnostic), from: url)
  }

  @Test func answersAreUnderstood() throws {
    #expect(try Self.refusal(LDAP_SUCCESS) == nil)
    #expect(try Self.refusal(LDAP_INVALID_CREDENTIALS) == .wrongPassword)
    #expect(try Self.refusal(LDAP_NO_SUCH_OBJECT) == .unknownUser)
    for code in [
      LDAP_UNWILLING_TO_PERFORM, LDAP_CONSTRAINT_VIOLATION, LDAP_INSUFFICIENT_ACCESS, LDAP_INAPPROPRIATE_AUTH,
    ] {
      let refusal = try Self.refusal(code, "account locked")
      #expect(refusal?.description.contains("(\(code)), \"account locked\"") == true)
    }
    for code in [
      LDAP_BUSY, LDAP_UNAVAILABLE, LDAP_OPERATIONS_ERROR, LDAP_REFERRAL, LDAP_OTHER,
      LDAP_CONFIDENTIALITY_REQUIRED,
      LDAP_STRONG_AUTH_REQUIRED, LDAP_INVALID_DN_SYNTAX, LDAP_SASL_BIND_IN_PROGRESS,
    ] {
      let error = #expect(throws: LDAPError.self) { try Self.refusal(code) }
      #expect(error?.description.contains("ldap://example.org:389") == true)
    }
  }

  @Test func activeDirectorysReasonsAreUnderstood() throws {
    func refusal(_ data: String) throws -> LDAPRefusal? {
      try Self.refusal(
        LDAP_INVALID_CREDENTIALS,
        "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data \(data), v4563")
    }
    #expect(try refusal("775") == .notAllowed(reason: "the account is locked"))
    #expect(try refusal("532") == .notAllowed(reason: "the password has expired"))
    for data in ["52e", "525", "", "77"] { #expect(try refusal(data) == .wrongPassword) }
  }

  @Test func whatADirectorySaysIsOneLine() {
    #expect(ByteText.printable("a\nb\0\u{1b}[1m\u{85}c  ") == "a b [1m c")
    #expect(ByteText.printable(String(repeating: "x", count: 301)).count == 301)
    #expect(ByteText.printable(String(repeating: "x", count: 300)).count == 300)
  }

  @Test func valuesAreEscaped() {
    #expect(LDAPFilter.escaped("a*()\\\0é Z-._9".utf8) == #"a\2a\28\29\5c\00\c3\a9\20Z-._9"#)
    #expect(LDAPFilter.group.text(user: "x", distinguishedName: "cn=a,dc=b") == #"(member=cn\3da\2cdc\3db)"#)
  }
}
