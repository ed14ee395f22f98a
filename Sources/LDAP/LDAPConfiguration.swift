import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

extension LDAPDirectory {
  /// Where users and groups are looked for, and as whom.
  ///
  ///     try LDAPDirectory.Configuration(
  ///       url: LDAPURL(parsing: "ldap://ldap.example.org"),
  ///       bindDN: "cn=registry,dc=example,dc=org", password: LDAPSecret(text),
  ///       userBase: "ou=people,dc=example,dc=org", groupBase: "ou=groups,dc=example,dc=org")
  public struct Configuration: Sendable, Equatable {
    /// What `timeout` may be.
    public static let timeouts: ClosedRange<Duration> = .milliseconds(100) ... .seconds(60)
    /// Bytes of the password of who searches.
    public static let maximumPassword = 1024

    public let url: LDAPURL
    /// Whether TLS is begun before anything else is sent (RFC 4511, section 4.14). false for `ldaps` and `ldapi`.
    public let startTLS: Bool
    /// The path of a PEM file.
    public let authorities: String?
    public let bindDN: String?
    public let password: LDAPSecret?
    public let userBase: String
    public let userFilter: LDAPFilter
    public let userName: String
    public let groupBase: String?
    public let groupFilter: LDAPFilter
    public let groupName: String
    public let timeout: Duration

    /// - Parameters:
    ///   - url: if the host is `localhost`, libldap wants the certificate to have this machine's own name instead;
    ///     any other host has to be in the certificate as it is here.
    ///   - startTLS: without effect for URLs but `ldap`. Without, passwords go unencrypted; that is
    ///     refused but for a directory on this machine.
    ///   - authorities: the path of a PEM file with the authorities that the directory's certificate may be by. It is
    ///     read again when it has changed. nil for the system's.
    ///   - bindDN: who searches, as the directory wants it: mostly a distinguished name. nil for nobody
    ///     (anonymously).
    ///   - password: of `bindDN`, 1 to `maximumPassword` bytes.
    ///   - userBase: the distinguished name of the entry below which all users are.
    ///   - userFilter: has `{user}`, which is what the user typed. It must find the user by the name of `userName`,
    ///     too, as that is what `entry(of:)` looks for.
    ///   - userName: the attribute whose value is the user's name, spelled as the directory does.
    ///   - groupBase: the distinguished name of the entry below which all groups are. nil: nobody has groups.
    ///   - groupFilter: has `{dn}`, the user's distinguished name, or `{user}`, the value of `userName`, or both.
    ///   - groupName: the attribute whose value is the group's name, spelled as the directory does.
    ///   - timeout: for connecting to each of the directory's addresses, and for each operation. To find
    ///     the addresses takes as long as the system's resolver does. One of `timeouts`.
    /// - Throws: `LDAPError.unusable`. The message has no password.
    public init(
      url: LDAPURL, startTLS: Bool = true, authorities: String? = nil, bindDN: String? = nil,
      password: LDAPSecret? = nil, userBase: String, userFilter: LDAPFilter = .user, userName: String = "uid",
      groupBase: String? = nil, groupFilter: LDAPFilter = .group, groupName: String = "cn",
      timeout: Duration = .seconds(5)
    ) throws(LDAPError) {
      if case .plain = url.location { self.startTLS = startTLS } else { self.startTLS = false }
      self.url = url
      self.authorities = authorities
      self.bindDN = bindDN
      self.password = password
      self.userBase = userBase
      self.userFilter = userFilter
      self.userName = userName
      self.groupBase = groupBase
      self.groupFilter = groupFilter
      self.groupName = groupName
      self.timeout = timeout
      try checkSecrecy()
      try checkSearcher()
      try checkSearches()
      guard Self.timeouts.contains(timeout) else {
        throw .unusable(what: "the LDAP timeout", reason: "100 milliseconds to 60 seconds are possible")
      }
    }

    private func checkSecrecy() throws(LDAPError) {
      if case .plain = url.location, !startTLS, !url.isOfThisMachine {
        throw .unusable(
          what: "the LDAP URL \(url) without StartTLS",
          reason: "passwords would go over the network unencrypted: leave StartTLS on, or use ldaps://")
      }
      if let authorities {
        guard !authorities.isEmpty, !authorities.utf8.contains(0), access(authorities, R_OK) == 0 else {
          throw .unusable(
            what: "the file \"\(ByteText.printable(authorities))\" with authorities for LDAP",
            reason: "it is not there, or may not be read")
        }
      }
    }

    private func checkSearcher() throws(LDAPError) {
      guard (bindDN == nil) == (password == nil) else {
        throw .unusable(
          what: "the LDAP bind DN", reason: "it and its password are only of use together: set both or none")
      }
      guard let bindDN, let password else { return }
      guard !bindDN.isEmpty, !ByteText.hasControls(bindDN) else {
        throw .unusable(what: "the LDAP bind DN", reason: "it is empty, or has a control character")
      }
      // A directory would take it for nobody, without a word (RFC 4513, section 5.1.2).
      guard (1...Self.maximumPassword).contains(password.exposed.count), password.exposed.first != 0 else {
        throw .unusable(
          what: "the password of the LDAP bind DN \"\(bindDN)\"",
          reason: "it is empty, begins with a NUL, or has more than \(Self.maximumPassword) bytes")
      }
    }

    private func checkSearches() throws(LDAPError) {
      for (base, what) in [(userBase, "users"), (groupBase, "groups")] {
        guard let base else { continue }
        guard !base.isEmpty, FilterSyntax.isDistinguishedName(base) else {
          throw .unusable(
            what: "the LDAP base \"\(ByteText.printable(base))\" of the \(what)",
            reason: "it is no distinguished name, such as \"ou=\(what),dc=example,dc=org\"")
        }
      }
      for attribute in [userName, groupName] {
        // RFC 4512, section 1.4: a descriptor. An option, or a number instead, would not be what the directory
        // answers with.
        let isDescriptor =
          attribute.utf8.first.map { $0.isAlphanumeric && !(0x30...0x39).contains($0) } == true
          && attribute.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
        guard isDescriptor else {
          throw .unusable(
            what: "the LDAP attribute \"\(ByteText.printable(attribute))\"",
            reason: "it is no attribute's name: letters, digits and hyphens are, after a letter")
        }
      }
      guard userFilter.placeholders == [.user] else {
        throw .unusable(
          what: "the LDAP filter \"\(userFilter)\" for users", reason: "it has to have {user}, but not {dn}")
      }
      guard !groupFilter.placeholders.isEmpty else {
        throw .unusable(
          what: "the LDAP filter \"\(groupFilter)\" for groups", reason: "it has no {dn} or {user}")
      }
    }
  }
}
