import Access
import FoundationEssentials
import HTTPServer
import LDAP
import Registry
import RegistryClient
import Storage

extension Settings {
  /// Who is known may do everything, and nobody else anything.
  private static let ruleOfNone =
    #"{"rules": [{"repositories": ["**"], "who": ["authenticated"], "actions": ["pull", "push", "delete", "sign", "admin"]}]}"#

  /// - Parameters:
  ///   - addresses: that the registry listens on.
  ///   - former: what was in force before, of which a directory stays that is the same.
  /// - Returns: nil if nobody is asked who he is.
  /// - Throws: `ConfigurationError` for a file that cannot be used.
  func access(
    at addresses: [ListenAddress], insteadOf former: AccessControl.Configuration? = nil
  ) throws(ConfigurationError) -> AccessControl.Configuration? {
    guard asksWho else { return nil }
    do {
      let rules = try accessRules.map { try Self.read($0, "access.rules") } ?? Array(Self.ruleOfNone.utf8)
      var configuration = AccessControl.Configuration(
        rules: try AccessRules(parsing: rules, what: accessRules ?? "the default rules"),
        service: accessService(at: addresses))
      configuration.passwords = try accessHtpasswd.map {
        try PasswordFile(parsing: try Self.read($0, "access.htpasswd"), what: $0)
      }
      configuration.workloads = try accessWorkloads.map {
        try WorkloadRules(parsing: try Self.read($0, "access.workloads"), what: $0)
      }
      configuration.directory = try directory().map { settings in
        former?.directory.flatMap { $0.configuration == settings ? $0 : nil } ?? LDAPDirectory(settings)
      }
      configuration.tokenLifetime = accessTokenLifetime
      configuration.exchangedTokenLifetime = accessExchangedTokenLifetime
      if let accessTokenKeys, let accessTokenIssuer {
        let keys = try Self.read(accessTokenKeys, "access.tokenKeys")
        configuration.issuer = .init(
          name: accessTokenIssuer, keys: try TokenKey.keys(parsing: keys, what: accessTokenKeys))
      }
      return configuration
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  private func directory() throws -> LDAPDirectory.Configuration? {
    guard let ldapURL, let ldapUserBase else { return nil }
    let password = try ldapPasswordFile.map { path in
      LDAPSecret(Array(try Self.read(path, "ldap.passwordFile").prefix { ![0x0a, 0x0d].contains($0) }))
    }
    return try LDAPDirectory.Configuration(
      url: ldapURL, startTLS: ldapStartTLS, authorities: ldapAuthorities, bindDN: ldapBindDN,
      password: password,
      userBase: ldapUserBase, userFilter: ldapUserFilter, userName: ldapUserName, groupBase: ldapGroupBase,
      groupFilter: ldapGroupFilter, groupName: ldapGroupName, timeout: ldapTimeout)
  }

  /// What the registry is called in tokens.
  /// - Parameter addresses: that it listens on.
  func accessService(at addresses: [ListenAddress]) -> String { accessService ?? trustName(at: addresses) }

  /// Gets the keys of the issuers of ID tokens.
  /// - Throws: `ConfigurationError`
  func issuerClient() throws(ConfigurationError) -> @Sendable (String, Int) async throws -> [UInt8] {
    var options = ClientOptions()
    // Where it may begin without TLS, `IssuerDocument` says: at this machine itself.
    options.usesPlainHTTP = true
    options.retries.attempts = 2
    options.authorities = [accessAuthorities].compactMap { $0 }
    let client: DocumentClient
    do {
      client = try DocumentClient(.current(), options: options)
    } catch {
      throw ConfigurationError("\(error)")
    }
    return { address, limit in
      try await onThreadOfItsOwn { try client.document(at: address, upTo: limit) }
    }
  }
}

/// The files of rules, users and keys, to see when one of them is another.
struct AccessFiles {
  private let paths: [String]
  private var versions: [FileVersion?]

  init(_ settings: Settings) {
    paths = [
      settings.accessRules, settings.accessHtpasswd, settings.accessTokenKeys, settings.accessWorkloads,
      settings.ldapPasswordFile,
    ].compactMap { $0 }
    versions = paths.map(FileVersion.init)
  }

  /// Since the last call.
  mutating func haveChanged() -> Bool {
    let now = paths.map(FileVersion.init)
    defer { versions = now }
    return now != versions
  }
}
