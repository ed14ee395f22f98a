import LDAP
import Testing

@Suite struct ConfigurationTests {
  @Test(arguments: [
    ("ldap://ldap.example.org", "ldap://ldap.example.org:389"),
    ("LDAP://LDAP.example.org/", "ldap://ldap.example.org:389"),
    ("ldaps://ldap.example.org", "ldaps://ldap.example.org:636"),
    ("ldaps://10.0.0.1:3269", "ldaps://10.0.0.1:3269"), ("ldap://[::1]:3389", "ldap://[::1]:3389"),
    ("ldap://[FE80::1]", "ldap://[fe80::1]:389"), ("ldap://under_score", "ldap://under_score:389"),
    ("ldapi://%2Frun%2Fslapd%2fldapi", "ldapi://%2Frun%2Fslapd%2Fldapi"),
    ("ldapi://%2Frun%2Fa b", "ldapi://%2Frun%2Fa%20b"),
  ])
  func urlsAreParsed(text: String, description: String) throws {
    let url = try LDAPURL(parsing: text)
    #expect(url.description == description)
    #expect(try LDAPURL(parsing: description) == url)
  }

  @Test(arguments: [
    ("", "is expected"), ("ldap.example.org", "is expected"), ("http://ldap.example.org", "begins with none"),
    ("ldap://", "the host"), ("ldap:///", "the host"), ("ldap://:389", "the host"),
    ("ldap://a b", "the host"),
    ("ldap://a:0", "the port"), ("ldap://a:65536", "the port"), ("ldap://a:x", "the port"),
    ("ldap://a:", "the port"),
    ("ldap://a:+1", "the port"), ("ldap://a:1:2", "the port"), ("ldap://::1", "the port"),
    ("ldap://[::1", "the port"), ("ldap://[x]", "no IPv6 address"), ("ldap://[::1%25eth0]", "more in it"),
    ("ldap://[::1]x", "the host"), ("ldap://a/dc=example", "more in it"), ("ldap://a?uid", "more in it"),
    ("ldap://user:pa55@a", "more in it"), ("ldap://a ldap://b", "more in it"), ("ldap://a,b", "the host"),
    ("ldap://a\0b", "the host"), ("ldap://é", "the host"), ("ldap://-a", "the host"),
    ("ldap://" + String(repeating: "a", count: 254), "the host"),
    ("ldapi://", "not absolute"), ("ldapi:///", "not absolute"), ("ldapi:///run/ldapi", "%2F for each slash"),
    ("ldapi://run", "not absolute"), ("ldapi://%2", "two hexadecimal digits"),
    ("ldapi://%2Fa%zz", "two hexadecimal"),
    ("ldapi://%2Fa%00", "a NUL"), ("ldapi://%2F%FF", "not UTF-8"), ("ldapi://%2F", "not absolute"),
    ("ldapi://%2F" + String(repeating: "a", count: 107), "more than 107 bytes"),
  ])
  func malformedURLsAreRefused(text: String, reason: String) {
    let error = #expect(throws: LDAPError.self) { try LDAPURL(parsing: text) }
    let message = error?.description ?? ""
    #expect(message.hasPrefix("the LDAP URL cannot be used: ") && message.contains(reason), "\(message)")
    #expect(!message.contains("pa55"))
  }

  @Test(arguments: [
    "(uid={user})", "(&(objectClass=person)(|(uid={user})(mail={user})))", "(mail={user}@example.org)",
    "(&(uid={user})(!(loginShell=/bin/false)))", "(uid:caseExactMatch:={user})",
    #"(&(uid={user})(cn=\7b\2a\7d))"#,
    "(&(uid={user})(memberOf:1.2.840.113556.1.4.1941:=cn=a,dc=b))", "(|(member={dn})(memberUid={user}))",
    "(&(uid={user})(cn=*))", "(cn=x)",
  ])
  func filtersAreParsed(text: String) throws {
    #expect(try LDAPFilter(parsing: text).description == text)
  }

  @Test(arguments: [
    ("", "pair of parentheses"), ("uid={user}", "pair of parentheses"),
    ("(uid={user}", "pair of parentheses"),
    ("(uid={user}))", "pair of parentheses"), ("(uid={user})(cn=x)", "pair of parentheses"),
    (" (uid={user})", "pair of parentheses"), ("()", "no filter"), ("(uid)", "no filter"),
    ("(=x)", "no filter"),
    ("(&(uid={user})", "pair of parentheses"), ("((uid={user}))", "no filter"),
    ("(uid={name})", "{name} is unknown"),
    ("(uid={User})", "{User} is unknown"), ("(uid={})", "{} is unknown"), ("(uid={user)", "a brace"),
    ("(uid=user})", "a brace"), ("(uid={{user}})", "{{user} is unknown"), ("({user}=x)", "not in a value"),
    ("({user})", "no filter"), ("(uid:{user}:=x)", "not in a value"), ("(&(uid=x){user})", "no filter"),
    (#"(uid=\{user})"#, "a backslash"), (#"(uid=\zz{user})"#, "a backslash"),
    (#"(uid={user}\)"#, "a backslash"),
    ("(uid={user}\0)", "a control character"), ("(uid={user}\n)", "a control character"),
    ("(uid=\(String(repeating: "a", count: 4096)))", "more than 4096 bytes"),
  ])
  func malformedFiltersAreRefused(text: String, reason: String) {
    let error = #expect(throws: LDAPError.self) { try LDAPFilter(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  private static func configuration(
    _ url: String = "ldap://127.0.0.1", startTLS: Bool = true, authorities: String? = nil,
    bindDN: String? = nil, password: LDAPSecret? = nil, userBase: String = "dc=example",
    userFilter: String = "(uid={user})", userName: String = "uid", groupBase: String? = nil,
    groupFilter: String = "(member={dn})", groupName: String = "cn", timeout: Duration = .seconds(1)
  ) throws -> LDAPDirectory.Configuration {
    try LDAPDirectory.Configuration(
      url: LDAPURL(parsing: url), startTLS: startTLS, authorities: authorities, bindDN: bindDN,
      password: password, userBase: userBase, userFilter: LDAPFilter(parsing: userFilter), userName: userName,
      groupBase: groupBase, groupFilter: LDAPFilter(parsing: groupFilter), groupName: groupName,
      timeout: timeout)
  }

  @Test func passwordsNeverGoUnencrypted() throws {
    for host in [
      "ldap.example.org", "127.0.0.1.example.org", "127.1", "10.0.0.1", "[::ffff:127.0.0.1]", "[::2]",
      "0.0.0.0",
    ] {
      let error = #expect(throws: LDAPError.self) {
        try Self.configuration("ldap://\(host)", startTLS: false)
      }
      #expect(error?.description.contains("unencrypted") == true)
      #expect(try Self.configuration("ldap://\(host)").startTLS)
    }
    for url in [
      "ldap://127.0.0.1", "ldap://127.1.2.3:1", "ldap://localhost", "ldap://[::1]", "ldaps://a",
      "ldapi://%2Fa",
    ] {
      #expect(try !Self.configuration(url, startTLS: false).startTLS)
    }
    #expect(try !Self.configuration("ldaps://a").startTLS)
  }

  @Test func configurationsAreChecked() throws {
    let attempts: [(String, () throws -> LDAPDirectory.Configuration)] = [
      ("set both or none", { try Self.configuration(bindDN: "cn=x") }),
      ("set both or none", { try Self.configuration(password: LDAPSecret("pa55")) }),
      ("it is empty", { try Self.configuration(bindDN: "", password: LDAPSecret("pa55")) }),
      ("it is empty", { try Self.configuration(bindDN: "cn=x", password: LDAPSecret("")) }),
      ("begins with a NUL", { try Self.configuration(bindDN: "cn=x", password: LDAPSecret("\0pa55")) }),
      (
        "more than 1024",
        {
          try Self.configuration(bindDN: "cn=x", password: LDAPSecret([UInt8](repeating: 0x61, count: 1025)))
        }
      ),
      ("control character", { try Self.configuration(bindDN: "cn=x\0", password: LDAPSecret("pa55")) }),
      ("no distinguished name", { try Self.configuration(userBase: "") }),
      ("no distinguished name", { try Self.configuration(userBase: "example") }),
      ("no distinguished name", { try Self.configuration(userBase: "dc=example\0") }),
      ("no distinguished name", { try Self.configuration(groupBase: "") }),
      ("no distinguished name", { try Self.configuration(groupBase: "dc=a,,dc=b") }),
      ("no attribute's name", { try Self.configuration(userName: "") }),
      ("no attribute's name", { try Self.configuration(userName: "*") }),
      ("no attribute's name", { try Self.configuration(userName: "+") }),
      ("no attribute's name", { try Self.configuration(userName: "1.1") }),
      ("no attribute's name", { try Self.configuration(groupName: "cn;lang-de") }),
      ("no attribute's name", { try Self.configuration(groupName: "cn\0") }),
      ("has to have {user}", { try Self.configuration(userFilter: "(cn=x)") }),
      ("has to have {user}", { try Self.configuration(userFilter: "(&(uid={user})(cn={dn}))") }),
      ("no {dn} or {user}", { try Self.configuration(groupFilter: "(cn=x)") }),
      ("not there", { try Self.configuration(authorities: "/nowhere") }),
      ("not there", { try Self.configuration(authorities: "") }),
      ("100 milliseconds", { try Self.configuration(timeout: .zero) }),
      ("100 milliseconds", { try Self.configuration(timeout: .seconds(61)) }),
    ]
    for (reason, attempt) in attempts {
      let error = #expect(throws: LDAPError.self) { try attempt() }
      #expect(error?.description.contains(reason) == true, "\(reason): \(String(describing: error))")
      #expect(error?.description.contains("pa55") == false)
    }
  }

  @Test func passwordsAreNotPrinted() throws {
    let configuration = try Self.configuration(bindDN: "cn=x", password: LDAPSecret("pa55"))
    var dumped = ""
    dump(configuration, to: &dumped)
    for text in ["\(configuration)", String(reflecting: configuration), dumped] {
      #expect(text.contains("***") && !text.contains("pa55") && !text.contains("112"), "\(text)")
    }
    #expect(try configuration != Self.configuration(bindDN: "cn=x", password: LDAPSecret("other")))
  }
}
