import CLdap
import Foundation
import LDAP
import Testing

@Suite struct ConnectionTests {
  /// What a log-in throws. Nothing in it is a password.
  private static func failure(
    _ configuration: LDAPDirectory.Configuration, password: String = DirectoryServer.alicesPassword
  ) async -> LDAPError? {
    let directory = LDAPDirectory(configuration)
    let error = await #expect(throws: LDAPError.self) {
      try await directory.login("alice", password: password)
    }
    let other = await #expect(throws: LDAPError.self) { try await directory.entry(of: "alice") }
    #expect(error == other)
    let text = error?.description ?? ""
    #expect(text.contains(configuration.url.description), "\(text)")
    #expect(!text.contains(password) && !text.contains("pa55"), "\(text)")
    return error
  }

  private static func isUnavailable(_ error: LDAPError?, _ reason: String...) -> Bool {
    if case .unavailable(_, let text) = error { reason.contains(where: text.contains) } else { false }
  }

  private static func isMisconfigured(_ error: LDAPError?, _ reason: String) -> Bool {
    if case .misconfigured(_, let text) = error { text.contains(reason) } else { false }
  }

  @Test func allKindsOfConnectionsWork() async throws {
    try await DirectoryServer.run { server in
      let configurations = [
        try server.configuration(), try server.configuration(startTLS: false),
        try server.configuration(url: server.encryptedURL),
        try server.configuration(url: server.encryptedURL, startTLS: false),
        try server.configuration(url: server.socketURL),
      ]
      for configuration in configurations {
        let directory = LDAPDirectory(configuration)
        let entry = try await directory.login("alice", password: DirectoryServer.alicesPassword)
        #expect(entry?.name == "alice", "\(configuration.url)")
        #expect(try await directory.login("alice", password: "x") == nil)
      }
    }
  }

  @Test func someDirectoriesLetAnybodySearch() async throws {
    try await DirectoryServer.run(DirectoryServer.Options(anonymousReads: true)) { server in
      let directory = LDAPDirectory(try server.configuration(bindDN: nil))
      #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword)?.groups.count == 2)
      #expect(try await directory.login("alice", password: "x") == nil)
    }
  }

  @Test func whoMayNotSearchIsToldSo() async throws {
    try await DirectoryServer.run { server in
      let wrong = await Self.failure(try server.configuration(password: "wrong-pa55"))
      #expect(Self.isMisconfigured(wrong, #"the password of the bind DN "cn=search,dc=example,dc=org""#))
      let unknown = await Self.failure(try server.configuration(bindDN: "cn=nobody,\(DirectoryServer.base)"))
      #expect(Self.isMisconfigured(unknown, "the password of the bind DN"))
      let malformed = await Self.failure(try server.configuration(bindDN: "nobody"))
      #expect(Self.isMisconfigured(malformed, #"the bind DN "nobody" cannot be used"#))
      let weak = await Self.failure(try server.configuration(bindDN: "cn=weak,\(DirectoryServer.base)"))
      #expect(Self.isMisconfigured(weak, #"or "cn=weak,dc=example,dc=org" may not see it"#))
      let blind = await Self.failure(try server.configuration(bindDN: "cn=blind,\(DirectoryServer.base)"))
      #expect(Self.isMisconfigured(blind, "has no attribute uid"))
      let nobody = await Self.failure(try server.configuration(bindDN: nil))
      #expect(Self.isMisconfigured(nobody, "who is not logged in"))
      let users = await Self.failure(try server.configuration(userBase: "ou=gone,\(DirectoryServer.base)"))
      #expect(Self.isMisconfigured(users, #"the base "ou=gone,dc=example,dc=org" of the users is not there"#))
      let groups = await Self.failure(try server.configuration(groupBase: "ou=gone,\(DirectoryServer.base)"))
      #expect(Self.isMisconfigured(groups, "of the groups is not there"))
      let name = await Self.failure(try server.configuration(userName: "mail"))
      #expect(Self.isMisconfigured(name, "has no attribute mail"))
      // The entry is a referral to another directory, which is not asked.
      let referral = await Self.failure(
        try server.configuration(userBase: "ou=elsewhere,\(DirectoryServer.people)"))
      #expect(Self.isMisconfigured(referral, "Referral (10)"))
    }
  }

  @Test(arguments: [
    DirectoryServer.Certificate.otherAuthority, .otherHost, .otherHostButCommonName, .expired,
  ])
  func certificatesAreChecked(certificate: DirectoryServer.Certificate) async throws {
    try await DirectoryServer.run(DirectoryServer.Options(certificate: certificate)) { server in
      for url in [server.plainURL, server.encryptedURL] {
        let error = await Self.failure(try server.configuration(url: url))
        #expect(Self.isUnavailable(error, "TLS fails"), "\(url) \(String(describing: error))")
      }
    }
  }

  @Test(arguments: ["1.1", "1.2", "1.3"]) func oldVersionsOfTLSAreRefused(version: String) async throws {
    let options = DirectoryServer.Options(tls: "NORMAL:-VERS-ALL:+VERS-TLS\(version)")
    try await DirectoryServer.run(options) { server in
      for url in [server.plainURL, server.encryptedURL] {
        let configuration = try server.configuration(url: url)
        if version == "1.1" {
          #expect(Self.isUnavailable(await Self.failure(configuration), "TLS fails"))
        } else {
          let directory = LDAPDirectory(configuration)
          #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) != nil)
        }
      }
    }
  }

  @Test func theSystemsAuthoritiesDoNotKnowTheTests() async throws {
    try await DirectoryServer.run { server in
      let configuration = try LDAPDirectory.Configuration(
        url: LDAPURL(parsing: server.plainURL), userBase: DirectoryServer.people, timeout: .seconds(20))
      #expect(Self.isUnavailable(await Self.failure(configuration), "TLS fails"))
    }
  }

  @Test func authoritiesHaveToBeThere() async throws {
    try await DirectoryServer.run { server in
      let file = server.directory.appending(path: "empty.pem").path
      try Data("none\n".utf8).write(to: URL(filePath: file))
      let directory = LDAPDirectory(try server.configuration(authorities: file))
      let error = await #expect(throws: LDAPError.self) { try await directory.login("alice", password: "x") }
      #expect(error?.description.contains("authorities") == true, "\(String(describing: error))")
      #expect(throws: LDAPError.self) { try server.configuration(authorities: file + "x") }
    }
  }

  @Test func authoritiesAreReadAgainWhenTheyChange() async throws {
    try await DirectoryServer.run { server in
      let file = server.directory.appending(path: "changing.pem")
      func write(_ name: String) throws {
        try Data(contentsOf: server.directory.appending(path: name)).write(to: file)
      }
      try write("other.pem")
      let directory = LDAPDirectory(try server.configuration(authorities: file.path))
      for name in ["other.pem", "ca.pem", "other.pem", "ca.pem", "ca.pem"] {
        try write(name)
        if name == "ca.pem" {
          #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) != nil)
        } else {
          await #expect(throws: LDAPError.self) { try await directory.login("alice", password: "x") }
        }
      }
    }
  }

  /// libldap reads the environment when it is first used; so that is done by another process.
  @Test func theEnvironmentWeakensNothing() async throws {
    try await DirectoryServer.run(DirectoryServer.Options(certificate: .otherAuthority)) { server in
      let settings = [
        "LDAPTLS_REQCERT": "never", "LDAPTLS_REQSAN": "never",
        "LDAPTLS_CACERT": "\(server.directory.path)/other.pem",
        "LDAPTLS_CACERTDIR": server.directory.path, "LDAPTLS_PROTOCOL_MAX": "3.1",
        "LDAPTLS_CIPHER_SUITE": "NORMAL",
        "LDAPURI": server.socketURL, "LDAPVERSION": "2", "LDAPSIZELIMIT": "1", "LDAPDEREF": "always",
        "LDAPREFERRALS": "on",
        "LDAPSOCKET_BIND_ADDRESSES": "127.0.0.99", "LDAPTLS_PEERKEY_HASH": "sha256:AAAA",
      ]
      let url = server.plainURL
      let socketURL = server.socketURL
      let authorities = server.authorities
      let other = "\(server.directory.path)/other.pem"
      await #expect(processExitsWith: .success) {
        [
          settings = settings as [String: String], url = url as String, socketURL = socketURL as String,
          authorities = authorities as String, other = other as String
        ] in
        for (name, value) in settings { setenv(name, value, 1) }
        var number: Int32 = 0
        // It has been read.
        ldap_get_option(nil, LDAP_OPT_X_TLS_REQUIRE_CERT, &number)
        try #require(number == LDAP_OPT_X_TLS_NEVER)
        func configuration(_ url: String, _ authorities: String) throws -> LDAPDirectory.Configuration {
          try LDAPDirectory.Configuration(
            url: LDAPURL(parsing: url), authorities: authorities, bindDN: DirectoryServer.searcher,
            password: LDAPSecret(DirectoryServer.searcherPassword), userBase: DirectoryServer.people,
            groupBase: DirectoryServer.groups, timeout: .seconds(20))
        }
        let refused = LDAPDirectory(try configuration(url, authorities))
        let error = await #expect(throws: LDAPError.self) {
          try await refused.login("alice", password: DirectoryServer.alicesPassword)
        }
        #expect(ConnectionTests.isUnavailable(error, "TLS fails"))
        for (url, authorities) in [(url, other), (socketURL, authorities)] {
          let directory = LDAPDirectory(try configuration(url, authorities))
          let entry = try await directory.login("alice", password: DirectoryServer.alicesPassword)
          #expect(entry?.groups.count == 2)
          #expect(try await directory.login("twin", password: "twin-pa55") == nil)
        }
      }
    }
  }

  @Test func startTLSIsNotDoneWithout() async throws {
    try await DirectoryServer.run(DirectoryServer.Options(certificate: .none)) { server in
      let file = server.directory.appending(path: "ca.pem")
      try Data(contentsOf: URL(filePath: "/etc/ssl/certs/ca-certificates.crt")).write(to: file)
      #expect(Self.isMisconfigured(await Self.failure(try server.configuration()), "does not begin TLS"))
      let clear = LDAPDirectory(try server.configuration(startTLS: false))
      #expect(try await clear.login("alice", password: DirectoryServer.alicesPassword) != nil)
    }
  }

  @Test func aDirectoryThatIsDownIsAnError() async throws {
    try await DirectoryServer.run { server in
      let directory = LDAPDirectory(try server.configuration())
      #expect(try await directory.login("alice", password: DirectoryServer.alicesPassword) != nil)
      server.stop()
      for url in [server.plainURL, server.encryptedURL, server.socketURL] {
        let error = await Self.failure(try server.configuration(url: url))
        #expect(Self.isUnavailable(error, "cannot connect"), "\(String(describing: error))")
      }
      await #expect(throws: LDAPError.self) { try await directory.login("alice", password: "x") }
      // Nothing has to be asked for these.
      #expect(try await directory.login("alice", password: "") == nil)
      #expect(try await directory.login("", password: "x") == nil)
    }
  }

  private static func configuration(
    port: Int, scheme: String = "ldap", startTLS: Bool = true
  ) throws -> LDAPDirectory.Configuration {
    try LDAPDirectory.Configuration(
      url: LDAPURL(parsing: "\(scheme)://127.0.0.1:\(port)"), startTLS: startTLS, bindDN: "cn=x",
      password: LDAPSecret("x-pa55"), userBase: "dc=example", timeout: .milliseconds(300))
  }

  /// Half of an answer, and nothing: in each case libldap would wait for ever.
  @Test(arguments: [nil, [0x30, 0x84, 0x00, 0x00], [0x16, 0x03, 0x03]] as [[UInt8]?])
  func aSilentDirectoryIsAnError(answer: [UInt8]?) async throws {
    let listener = try Listener()
    defer { listener.stop() }
    if let answer { listener.answer(with: answer) }
    for (scheme, startTLS) in [("ldap", true), ("ldap", false), ("ldaps", false)] {
      let error = await Self.failure(
        try Self.configuration(port: listener.port, scheme: scheme, startTLS: startTLS))
      #expect(
        Self.isUnavailable(error, "does not answer within"), "\(scheme) \(String(describing: error))")
    }
  }

  @Test func aDirectoryThatHangsUpIsAnError() async throws {
    let listener = try Listener()
    defer { listener.stop() }
    listener.answer(with: [])
    for (scheme, startTLS) in [("ldap", true), ("ldap", false), ("ldaps", false)] {
      let error = await Self.failure(
        try Self.configuration(port: listener.port, scheme: scheme, startTLS: startTLS))
      #expect(
        Self.isUnavailable(error, "it closed the connection", "TLS fails"),
        "\(scheme) \(String(describing: error))")
    }
  }

  @Test func tooManyThatWaitAreRefused() async throws {
    let listener = try Listener()
    defer { listener.stop() }
    let directory = LDAPDirectory(try Self.configuration(port: listener.port))
    let errors = await withTaskGroup(of: LDAPError?.self) { group in
      for _ in 0..<300 {
        group.addTask {
          do throws(LDAPError) {
            _ = try await directory.login("alice", password: "x")
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(errors.allSatisfy { $0 != nil })
    #expect(errors.contains(.overloaded(url: "ldap://127.0.0.1:\(listener.port)")))
    #expect(errors.contains { Self.isUnavailable($0, "does not answer within") })
  }
}
