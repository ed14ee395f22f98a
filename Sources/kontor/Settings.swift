import Access
import FoundationEssentials
import HTTPServer
import LDAP
import Logging
import Registry
import RegistryAPI

/// Everything an operator can set about a server, with its default.
///
/// `ConfigurationKey.all` ties each of them to its key in files and in the environment.
struct Settings: Equatable {
  var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 5000)]
  /// Whether it may listen for others than this machine without TLS or without asking who they are.
  var insecure = false
  /// Event loops; 0 for one per processor.
  var threads = 0
  var maxConnections = 16_384
  /// Of one client, by its address; 0 for no limit.
  var maxConnectionsPerAddress = 0
  /// Whose word counts for where clients are.
  var trustedProxies = AddressList()
  /// Bytes.
  var maxHeaderSize: Int64 = 32 << 10
  var headerTimeout = Duration.seconds(15)
  var idleTimeout = Duration.seconds(75)
  var bodyTimeout = Duration.seconds(60)
  var writeTimeout = Duration.seconds(60)
  var shutdownTimeout = Duration.seconds(30)

  var tlsCertificate: String?
  var tlsKey: String?
  /// A file with the authorities whose certificates say who a client is; nil to ask for none.
  var tlsClientAuthorities: String?

  var data = "./kontor-data"

  var allowSparse = SparsePolicy.off
  /// Tags that mean for ever what they meant first.
  var immutableTags: [TagPattern] = []
  /// What repositories may hold together.
  var quotas: [Quota] = []
  /// Bytes.
  var maxManifestSize: Int64 = 4 << 20

  /// Hosts that images are named for in appc; none to leave it out.
  var appcHosts = ["localhost", "127.0.0.1"]
  /// A file with the secret key that signs the ACIs made here.
  var appcSigningKey: String?
  /// A file whose first line protects that key.
  var appcPassphraseFile: String?
  /// A directory of trusted keys, laid out as rkt's `trustedkeys`.
  var appcTrustedKeys: String?
  var appcRequireSignatures = false

  /// A policy.json; nil to take and give any image.
  var trustPolicy: String?
  /// The registry's name in the policy and in signatures; nil for the address that it listens on.
  var trustRegistry: String?
  /// From where clients come that may see what is held.
  var trustPushers = AddressList()
  /// A file with the private key that signs lists of tags; nil to sign none.
  var trustTagListKey: String?
  /// A file whose first line protects that key.
  var trustTagListPassphraseFile: String?
  /// For so long are such lists believed.
  var trustTagListLifetime = Duration.seconds(7 * 24 * 3600)

  /// Whether clients have to say who they are; so they have to, too, with rules, or with anything that says who they are.
  var accessRequired = false
  /// A file that says who may do what; nil to let everybody do everything who is known.
  var accessRules: String?
  /// A file with users and their passwords, as htpasswd writes it.
  var accessHtpasswd: String?
  /// Requests per second of one identity, or of one address that is nobody's; 0 for no limit.
  var accessRequestRate = 0
  /// Requests at the same time of one identity, or of one address that is nobody's; 0 for no limit.
  var accessConcurrentRequests = 0
  /// The registry's name in tokens; nil for `trustRegistry`, or the address that it listens on.
  var accessService: String?
  var accessTokenLifetime = Duration.seconds(300)
  /// Of tokens that are given for ID tokens.
  var accessExchangedTokenLifetime = Duration.seconds(3600)
  /// Where clients get tokens; nil for /token of this server, as the client reached it.
  var accessTokenRealm: String?
  /// Who issues tokens, where that is somebody else.
  var accessTokenIssuer: String?
  /// A file with the keys of that issuer.
  var accessTokenKeys: String?
  /// A PEM file with authorities of those who are asked for keys, beside the system's.
  var accessAuthorities: String?
  /// A file that says which jobs of other systems are who.
  var accessWorkloads: String?

  /// A directory of users beside the others; nil for none.
  var ldapURL: LDAPURL?
  /// Whether TLS is begun before anything else is sent.
  var ldapStartTLS = true
  /// A PEM file with the authorities of its certificate; nil for the system's.
  var ldapAuthorities: String?
  /// Who searches there; nil for nobody.
  var ldapBindDN: String?
  /// A file whose first line is the password of that one.
  var ldapPasswordFile: String?
  /// The entry below which all users are.
  var ldapUserBase: String?
  var ldapUserFilter = LDAPFilter.user
  /// The attribute that has a user's name.
  var ldapUserName = "uid"
  /// The entry below which all groups are; nil if they are of no interest.
  var ldapGroupBase: String?
  var ldapGroupFilter = LDAPFilter.group
  /// The attribute that has a group's name.
  var ldapGroupName = "cn"
  var ldapTimeout = Duration.seconds(5)

  /// A file that says which registries are mirrored; nil for none.
  var mirrorUpstreams: String?
  /// A file that says what is brought from one registry to another, and when; nil for nothing.
  var mirrorSync: String?

  var uploadExpiry = Duration.seconds(24 * 3600)

  /// Zero for never.
  var gcInterval = Duration.seconds(3600)
  var gcGrace = Duration.seconds(3600)

  /// Bytes per second; 0 for as fast as possible.
  var scrubRate: Int64 = 50 << 20

  var logLevel = Logger.Level.info
  var logFormat = LogFormat.text
  var logAccess = true
  /// A file that says who changed what, and who was refused; nil for none.
  var logAudit: String?
  /// Bytes after which that file is begun anew; 0 for never.
  var logAuditSize: Int64 = 64 << 20
  /// How many former ones stay.
  var logAuditFiles = 8

  /// What no single key can tell.
  func validate() throws(ConfigurationError) {
    if (tlsCertificate == nil) != (tlsKey == nil) {
      let (given, missing) = tlsKey == nil ? ("certificate", "key") : ("key", "certificate")
      throw ConfigurationError(
        "tls.\(given) is set but tls.\(missing) is not: TLS needs both (or neither, for plain HTTP)")
    }
    if tlsClientAuthorities != nil, tlsCertificate == nil {
      throw ConfigurationError(
        "tls.clientAuthorities is set but tls.certificate is not: clients show certificates over TLS only")
    }
    if appcRequireSignatures, appcTrustedKeys == nil {
      throw ConfigurationError(
        "appc.requireSignatures is true but appc.trustedKeys is not set: name the directory of the keys that count"
      )
    }
    if appcPassphraseFile != nil, appcSigningKey == nil {
      throw ConfigurationError("appc.passphraseFile is set but appc.signingKey is not: name the key, too")
    }
    if trustPolicy == nil, trustPushers != AddressList() {
      throw ConfigurationError("trust.pushers is set but trust.policy is not: name the policy, too")
    }
    if trustPolicy == nil, trustTagListKey == nil, trustRegistry != nil {
      throw ConfigurationError(
        "trust.registry is set but neither trust.policy nor trust.tagListKey is: name the one that it is for")
    }
    if trustTagListPassphraseFile != nil, trustTagListKey == nil {
      throw ConfigurationError(
        "trust.tagListPassphraseFile is set but trust.tagListKey is not: name the key, too")
    }
    if (accessTokenKeys == nil) != (accessTokenIssuer == nil) {
      let (given, missing) =
        accessTokenKeys == nil ? ("tokenIssuer", "tokenKeys") : ("tokenKeys", "tokenIssuer")
      throw ConfigurationError(
        "access.\(given) is set but access.\(missing) is not: another issuer needs both")
    }
    if accessTokenKeys != nil, accessTokenRealm == nil {
      throw ConfigurationError(
        "access.tokenKeys is set but access.tokenRealm is not: name the URL where clients get their tokens")
    }
    if accessTokenKeys != nil, accessWorkloads != nil {
      throw ConfigurationError(
        "access.workloads is set, and access.tokenKeys, too: where another issuer gives the tokens, ID tokens are exchanged there"
      )
    }
    if accessTokenKeys != nil, ldapURL != nil {
      throw ConfigurationError(
        "ldap.url is set, and access.tokenKeys, too: where another issuer gives the tokens, it knows the users"
      )
    }
    if ldapURL != nil, ldapUserBase == nil {
      throw ConfigurationError(
        "ldap.url is set but ldap.userBase is not: name the entry below which the users are, such as "
          + "ou=people,dc=example,dc=org")
    }
    if (ldapBindDN == nil) != (ldapPasswordFile == nil) {
      let (given, missing) = ldapBindDN == nil ? ("passwordFile", "bindDN") : ("bindDN", "passwordFile")
      throw ConfigurationError(
        "ldap.\(given) is set but ldap.\(missing) is not: set both, or none to search as nobody")
    }
    if listen.isEmpty {
      throw ConfigurationError("server.listen is empty: name at least one address, such as 127.0.0.1:5000")
    }
    try validateReach()
  }

  /// The file that a key names.
  /// - Throws: `ConfigurationError`
  static func read(_ path: String, _ key: String) throws(ConfigurationError) -> [UInt8] {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw ConfigurationError(
        "\(key) is \"\(path)\": that file cannot be read: is it there, and may this user read it?")
    }
  }

  /// Whether clients are asked who they are.
  var asksWho: Bool {
    accessRequired || accessRules != nil || accessHtpasswd != nil || accessTokenKeys != nil
      || accessWorkloads != nil || ldapURL != nil || tlsClientAuthorities != nil
  }

  /// - Throws: `ConfigurationError` if others than this machine reach what they should not.
  private func validateReach() throws(ConfigurationError) {
    guard !insecure, let address = listen.first(where: { !$0.isOfThisMachine }) else { return }
    var missing: [String] = []
    if tlsCertificate == nil {
      missing.append("passwords and images would be sent unencrypted (set tls.certificate and tls.key)")
    }
    if !asksWho {
      missing.append("everybody might pull, push and delete (set access.rules or access.required)")
    }
    guard !missing.isEmpty else { return }
    throw ConfigurationError(
      "\(address) can be reached by other machines, and \(missing.joined(separator: ", and ")): say --insecure, or set "
        + "server.insecure, if that is wanted, or if a proxy in front takes care of it")
  }
}

extension ListenAddress {
  /// Whether nobody else can reach it.
  var isOfThisMachine: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
  }
}
