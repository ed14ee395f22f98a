import Foundation

extension DirectoryServer {
  static let carolsPassword = String(repeating: "long", count: 250)
  static let bobsPassword = "pass\0word"
  static let alicesPassword = "sécret-€\u{1f600}"
  /// Has all that a filter or a distinguished name has to escape.
  static let fayName = #"f*y(\)"#

  /// What slapadd reads (RFC 2849).
  static func entries(_ options: Options) -> String {
    func encoded(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
    let fay = "cn=Fay \\\"F\\\" O\\,Brien (*)\\+\\\\,\(people)"
    var text = """
      dn: \(base)
      objectClass: dcObject
      objectClass: organization
      o: Example
      dc: example

      dn: \(people)
      objectClass: organizationalUnit
      ou: people

      dn: ou=others,\(people)
      objectClass: organizationalUnit
      ou: others

      dn: ou=elsewhere,\(people)
      objectClass: referral
      objectClass: extensibleObject
      ou: elsewhere
      ref: ldap://127.0.0.1:1/\(people)

      dn: \(groups)
      objectClass: organizationalUnit
      ou: groups

      dn: ou=none,\(base)
      objectClass: organizationalUnit
      ou: none

      dn: cn=search,\(base)
      objectClass: organizationalRole
      objectClass: simpleSecurityObject
      cn: search
      userPassword: \(searcherPassword)

      dn: cn=weak,\(base)
      objectClass: organizationalRole
      objectClass: simpleSecurityObject
      cn: weak
      userPassword: \(searcherPassword)

      dn: cn=blind,\(base)
      objectClass: organizationalRole
      objectClass: simpleSecurityObject
      cn: blind
      userPassword: \(searcherPassword)

      dn: cn=policy,\(base)
      objectClass: device
      objectClass: \(options.hasPasswordPolicy ? policy : "extensibleObject")
      cn: policy

      """
    func user(_ rdn: String, _ names: [String], password: String?, below: String = people) {
      text += """

        dn: \(rdn),\(below)
        objectClass: inetOrgPerson
        cn: \(names[0])
        sn: x

        """
      for name in names { text += "uid:: \(encoded(name))\n" }
      if let password { text += "userPassword:: \(encoded(password))\n" }
    }
    user("uid=alice", ["alice"], password: alicesPassword)
    text += "jpegPhoto:: \(Data([0xff, 0xfe]).base64EncodedString())\njpegPhoto:: \(encoded("zz-top"))\n"
    user("uid=bob", ["bob"], password: bobsPassword)
    user("uid=carol", ["carol"], password: carolsPassword)
    user("uid=dave", ["dave"], password: nil)
    user("uid=erin", ["erin", "Zoe", "erin.x"], password: "erin-pa55")
    user("cn=twin 1", ["twin"], password: "twin-pa55")
    user("cn=twin 2", ["twin"], password: "twin-pa55", below: "ou=others,\(people)")
    user("cn=several 1", ["several"], password: "several-pa55")
    user("cn=several 2", ["several"], password: "several-pa55")
    user("cn=several 3", ["several"], password: "several-pa55")
    text += """

      dn: \(fay)
      objectClass: inetOrgPerson
      sn: x
      uid:: \(encoded(fayName))
      userPassword: fay-pa55

      """
    func group(_ rdn: String, _ names: [String], members: [String]) {
      text += "\ndn: \(rdn),\(groups)\nobjectClass: groupOfNames\n"
      for name in names { text += "cn:: \(encoded(name))\n" }
      for member in members { text += "member: \(member)\n" }
    }
    group("cn=developers", ["developers"], members: ["uid=alice,\(people)", "uid=bob,\(people)", fay])
    group("cn=odd", ["odd", #"*)(cn=ä "x", +\"#], members: ["uid=alice,\(people)", fay])
    group("cn=operators", ["operators"], members: ["uid=bob,\(people)"])
    text += "\ndn: cn=posix,\(groups)\nobjectClass: posixGroup\ncn: posix\ngidNumber: 1\nmemberUid: alice\n"
    user("uid=bulk", ["bulk"], password: "bulk-pa55")
    for number in 0..<options.groups {
      group("cn=bulk \(number)", ["bulk \(number)"], members: ["uid=bulk,\(people)"])
    }
    return text
  }

  private static let policy = """
    pwdPolicy
    pwdAttribute: userPassword
    pwdLockout: TRUE
    pwdMaxFailure: 3
    """
}
