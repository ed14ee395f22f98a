/// One key of the configuration: where it stands in a file, what the environment calls it, and what it sets.
struct ConfigurationKey {
  /// `section.key`
  let path: String
  let expected: String
  /// - Returns: false if the value is none for this key.
  let set: (JSONValue, inout Settings) -> Bool
  /// The JSON text of what is set.
  let print: (Settings) -> String

  var section: Substring { path.prefix { $0 != "." } }
  var name: Substring { path.drop { $0 != "." }.dropFirst() }
  /// `KONTOR_SECTION_KEY`
  var variable: String { "KONTOR_" + path.uppercased().replacing(".", with: "_") }

  init<Value>(_ path: String, _ setting: WritableKeyPath<Settings, Value>, _ value: ConfigurationValue<Value>)
  {
    self.path = path
    self.expected = value.expected
    self.set = { json, settings in
      guard let parsed = value.parse(json) else { return false }
      settings[keyPath: setting] = parsed
      return true
    }
    self.print = { value.print($0[keyPath: setting]) }
  }

  static var all: [ConfigurationKey] {
    [
      Self("server.listen", \.listen, .addresses),
      Self("server.insecure", \.insecure, .boolean),
      Self("server.threads", \.threads, .integer(0...256)),
      Self("server.maxConnections", \.maxConnections, .integer(1...1_000_000)),
      Self("server.maxConnectionsPerAddress", \.maxConnectionsPerAddress, .integer(0...1_000_000)),
      Self("server.trustedProxies", \.trustedProxies, .networks),
      Self("server.maxHeaderSize", \.maxHeaderSize, .size(4 << 10...1 << 20)),
      Self("server.headerTimeout", \.headerTimeout, .duration(atLeast: 1)),
      Self("server.idleTimeout", \.idleTimeout, .duration(atLeast: 1)),
      Self("server.bodyTimeout", \.bodyTimeout, .duration(atLeast: 1)),
      Self("server.writeTimeout", \.writeTimeout, .duration(atLeast: 1)),
      Self("server.shutdownTimeout", \.shutdownTimeout, .duration(atLeast: 0)),
      Self("tls.certificate", \.tlsCertificate, .optionalPath),
      Self("tls.key", \.tlsKey, .optionalPath),
      Self("tls.clientAuthorities", \.tlsClientAuthorities, .optionalPath),
      Self("storage.data", \.data, .path),
      Self("push.allowSparse", \.allowSparse, .choice),
      Self("push.immutableTags", \.immutableTags, .tagPatterns),
      Self("push.quotas", \.quotas, .quotas),
      Self("push.maxManifestSize", \.maxManifestSize, .size(64 << 10...64 << 20)),
      Self("appc.hosts", \.appcHosts, .hosts),
      Self("appc.signingKey", \.appcSigningKey, .optionalPath),
      Self("appc.passphraseFile", \.appcPassphraseFile, .optionalPath),
      Self("appc.trustedKeys", \.appcTrustedKeys, .optionalPath),
      Self("appc.requireSignatures", \.appcRequireSignatures, .boolean),
      Self("trust.policy", \.trustPolicy, .optionalPath),
      Self("trust.registry", \.trustRegistry, .registryName),
      Self("trust.pushers", \.trustPushers, .networks),
      Self("trust.tagListKey", \.trustTagListKey, .optionalPath),
      Self("trust.tagListPassphraseFile", \.trustTagListPassphraseFile, .optionalPath),
      Self("trust.tagListLifetime", \.trustTagListLifetime, .duration(atLeast: 60)),
      Self("access.required", \.accessRequired, .boolean),
      Self("access.rules", \.accessRules, .optionalPath),
      Self("access.htpasswd", \.accessHtpasswd, .optionalPath),
      Self("access.requestRate", \.accessRequestRate, .integer(0...1_000_000)),
      Self("access.concurrentRequests", \.accessConcurrentRequests, .integer(0...1_000_000)),
      Self("access.service", \.accessService, .optionalText),
      Self("access.tokenLifetime", \.accessTokenLifetime, .duration(atLeast: 60)),
      Self("access.exchangedTokenLifetime", \.accessExchangedTokenLifetime, .duration(atLeast: 60)),
      Self("access.tokenRealm", \.accessTokenRealm, .optionalURL),
      Self("access.tokenIssuer", \.accessTokenIssuer, .optionalText),
      Self("access.tokenKeys", \.accessTokenKeys, .optionalPath),
      Self("access.authorities", \.accessAuthorities, .optionalPath),
      Self("access.workloads", \.accessWorkloads, .optionalPath),
      Self("ldap.url", \.ldapURL, .ldapURL),
      Self("ldap.startTLS", \.ldapStartTLS, .boolean),
      Self("ldap.authorities", \.ldapAuthorities, .optionalPath),
      Self("ldap.bindDN", \.ldapBindDN, .optionalText),
      Self("ldap.passwordFile", \.ldapPasswordFile, .optionalPath),
      Self("ldap.userBase", \.ldapUserBase, .optionalText),
      Self("ldap.userFilter", \.ldapUserFilter, .ldapFilter),
      Self("ldap.userName", \.ldapUserName, .attribute),
      Self("ldap.groupBase", \.ldapGroupBase, .optionalText),
      Self("ldap.groupFilter", \.ldapGroupFilter, .ldapFilter),
      Self("ldap.groupName", \.ldapGroupName, .attribute),
      Self("ldap.timeout", \.ldapTimeout, .duration(atLeast: 1)),
      Self("mirror.upstreams", \.mirrorUpstreams, .optionalPath),
      Self("mirror.sync", \.mirrorSync, .optionalPath),
      Self("uploads.expiry", \.uploadExpiry, .duration(atLeast: 60)),
      Self("gc.interval", \.gcInterval, .duration(atLeast: 0)),
      Self("gc.grace", \.gcGrace, .duration(atLeast: 0)),
      Self("scrub.rate", \.scrubRate, .size(0...1 << 40)),
      Self("log.level", \.logLevel, .choice),
      Self("log.format", \.logFormat, .choice),
      Self("log.access", \.logAccess, .boolean),
      Self("log.audit", \.logAudit, .optionalPath),
      Self("log.auditSize", \.logAuditSize, .size(0...1 << 40)),
      Self("log.auditFiles", \.logAuditFiles, .integer(0...1000)),
    ]
  }
}
