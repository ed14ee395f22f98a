import FoundationEssentials
import Registry
import Runtimes
import Storage
import Trust

extension Settings {
  func acceptance(_ store: ContentStore) -> ACIAcceptance {
    var acceptance = ACIAcceptance(store: store)
    acceptance.requiresSignatures = appcRequireSignatures
    if let appcTrustedKeys {
      let keys = KeyPrefixStore(directories: [appcTrustedKeys])
      acceptance.trustedKeys = { name in
        // Of names that no directory can have, none is trusted.
        guard let prefix = try? KeyPrefix(parsing: name.description) else { return OpenPGPKeyring() }
        return try keys.keyring(for: prefix, at: Date())
      }
    }
    return acceptance
  }

  /// - Throws: `ConfigurationError` for a key that cannot sign.
  func appContainer() throws(ConfigurationError) -> AppContainerService.Configuration {
    var configuration = AppContainerService.Configuration()
    configuration.hosts = PublicHosts(appcHosts)
    guard let appcSigningKey else { return configuration }
    let key = SecretBytes(try Self.read(appcSigningKey, "appc.signingKey"))
    var passphrase: SecretBytes?
    if let appcPassphraseFile {
      let text = try Self.read(appcPassphraseFile, "appc.passphraseFile")
      passphrase = SecretBytes(text.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
    }
    do {
      let signer = try OpenPGPSigner(secretKey: key, passphrase: passphrase, at: Date())
      // A key that cannot sign is found now, and not by the first who wants an image.
      _ = try signer.sign({ _ in 0 }, at: Date())
      configuration.signer = signer
    } catch {
      throw ConfigurationError("appc.signingKey is \"\(appcSigningKey)\": \(error)")
    }
    return configuration
  }
}
