import Foundation

/// slapd with two people, carol and dave, of whom carol is in the group `dev`; over TLS, with the run's certificate.
struct UserDirectory: Sendable {
  let port: Int
  let daemon: Daemon
  /// Of `slapd.conf`.
  let directory: String

  static let base = "dc=example,dc=org"
  private static let searcher = "cn=search,\(base)"
  private static let password = "search for them"

  private static let entries = """
    dn: \(base)
    objectClass: dcObject
    objectClass: organization
    o: example
    dc: example

    dn: ou=people,\(base)
    objectClass: organizationalUnit
    ou: people

    dn: ou=groups,\(base)
    objectClass: organizationalUnit
    ou: groups

    dn: \(searcher)
    objectClass: organizationalRole
    objectClass: simpleSecurityObject
    cn: search
    userPassword: \(password)

    dn: uid=carol,ou=people,\(base)
    objectClass: inetOrgPerson
    uid: carol
    cn: Carol
    sn: C
    userPassword: carol's password

    dn: uid=dave,ou=people,\(base)
    objectClass: inetOrgPerson
    uid: dave
    cn: Dave
    sn: D
    userPassword: dave's password

    dn: uid=alice,ou=people,\(base)
    objectClass: inetOrgPerson
    uid: alice
    cn: Alice
    sn: A
    userPassword: another password

    dn: cn=dev,ou=groups,\(base)
    objectClass: groupOfNames
    cn: dev
    member: uid=carol,ou=people,\(base)

    """

  static func with(_ body: (UserDirectory) async throws -> Void) async throws {
    try Tool.require(.slapd, .slapadd)
    let authority = try await PrivateCA.shared
    try await Scratch.withDirectory("ldap") { directory in
      let configuration = """
        include /etc/ldap/schema/core.schema
        include /etc/ldap/schema/cosine.schema
        include /etc/ldap/schema/inetorgperson.schema
        modulepath /usr/lib/ldap
        moduleload back_mdb
        pidfile \(directory)/pid
        TLSCertificateFile \(authority.serverCertificate)
        TLSCertificateKeyFile \(authority.serverKey)
        database mdb
        suffix \(base)
        directory \(directory)
        maxsize 16777216
        access to attrs=userPassword by anonymous auth by * none
        access to * by dn.exact="\(searcher)" read by * auth

        """
      try Data(configuration.utf8).write(to: URL(filePath: "\(directory)/slapd.conf"))
      try Data(entries.utf8).write(to: URL(filePath: "\(directory)/entries.ldif"))
      try Data("\(password)\n".utf8).write(to: URL(filePath: "\(directory)/password"))
      try await Tool.slapadd.run("-q", "-f", "\(directory)/slapd.conf", "-l", "\(directory)/entries.ldif")
      let port = try LoopbackListener.unusedPort()
      let server = try await start(directory, port)
      try await running {
        try await body(server)
      } finally: {
        await server.stop()
      }
    }
  }

  private static func start(_ directory: String, _ port: Int) async throws -> UserDirectory {
    let daemon = try await Daemon.start(
      try Tool.slapd.path(),
      ["-d", "0", "-f", "\(directory)/slapd.conf", "-h", "ldaps://127.0.0.1:\(port)"], logIn: directory)
    let endpoint = Endpoint(
      transport: .http, host: "127.0.0.1", port: port, authority: try await PrivateCA.shared)
    do {
      try await daemon.waitFor("listening") { _ in
        (try? PlainHTTP(endpoint).open()).map { close($0) }
      }
    } catch {
      await daemon.kill()
      throw error
    }
    return UserDirectory(port: port, daemon: daemon, directory: directory)
  }

  func stop() async { await daemon.kill() }

  /// Takes a user away, while it does not run.
  func remove(_ user: String) async throws {
    let former = Self.entries.components(separatedBy: "\n\n").filter { !$0.hasPrefix("dn: uid=\(user),") }
    try Data(former.joined(separator: "\n\n").utf8).write(to: URL(filePath: "\(directory)/entries.ldif"))
    for file in ["data.mdb", "lock.mdb"] {
      try FileManager.default.removeItem(atPath: "\(directory)/\(file)")
    }
    try await Tool.slapadd.run("-q", "-f", "\(directory)/slapd.conf", "-l", "\(directory)/entries.ldif")
  }

  /// One in its place, at the same port.
  func restarted() async throws -> UserDirectory { try await Self.start(directory, port) }

  /// What a registry has to know of it.
  func environment() async throws -> [String: String] {
    [
      "KONTOR_LDAP_URL": "ldaps://127.0.0.1:\(port)",
      "KONTOR_LDAP_AUTHORITIES": try await PrivateCA.shared.certificate,
      "KONTOR_LDAP_BINDDN": Self.searcher, "KONTOR_LDAP_PASSWORDFILE": "\(directory)/password",
      "KONTOR_LDAP_USERBASE": "ou=people,\(Self.base)", "KONTOR_LDAP_GROUPBASE": "ou=groups,\(Self.base)",
    ]
  }
}
