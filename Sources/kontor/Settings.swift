import HTTPServer
import Logging
import Registry
import RegistryAPI

/// Everything an operator can set about a server, with its default.
///
/// `ConfigurationKey.all` ties each of them to its key in files and in the environment.
struct Settings: Equatable {
  var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 5000)]
  /// Event loops; 0 for one per processor.
  var threads = 0
  var maxConnections = 16_384
  /// Bytes.
  var maxHeaderSize: Int64 = 32 << 10
  var headerTimeout = Duration.seconds(15)
  var idleTimeout = Duration.seconds(75)
  var bodyTimeout = Duration.seconds(60)
  var writeTimeout = Duration.seconds(60)
  var shutdownTimeout = Duration.seconds(30)

  var tlsCertificate: String?
  var tlsKey: String?

  var data = "./kontor-data"

  var allowSparse = SparsePolicy.off
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

  var uploadExpiry = Duration.seconds(24 * 3600)

  /// Zero for never.
  var gcInterval = Duration.seconds(3600)
  var gcGrace = Duration.seconds(3600)

  /// Bytes per second; 0 for as fast as possible.
  var scrubRate: Int64 = 50 << 20

  var logLevel = Logger.Level.info
  var logFormat = LogFormat.text
  var logAccess = true

  /// What no single key can tell.
  func validate() throws(ConfigurationError) {
    if (tlsCertificate == nil) != (tlsKey == nil) {
      let (given, missing) = tlsKey == nil ? ("certificate", "key") : ("key", "certificate")
      throw ConfigurationError(
        "tls.\(given) is set but tls.\(missing) is not: TLS needs both (or neither, for plain HTTP)")
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
    if listen.isEmpty {
      throw ConfigurationError("server.listen is empty: name at least one address, such as 127.0.0.1:5000")
    }
  }
}
