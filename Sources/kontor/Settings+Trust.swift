import ContainerImage
import FoundationEssentials
import HTTPServer
import Registry
import Runtimes
import Trust

extension Settings {
  /// - Returns: nil if there is to be none.
  /// - Throws: `ConfigurationError` for a policy, or a key of its, that cannot be used.
  func policy() throws(ConfigurationError) -> Policy? {
    guard let trustPolicy else { return nil }
    do {
      return try PolicyFile.read(trustPolicy, at: Date())
    } catch {
      throw ConfigurationError("trust.policy is \"\(trustPolicy)\": \(error)")
    }
  }

  /// - Parameter addresses: that the registry listens on.
  func trust(by policy: Policy, at addresses: [ListenAddress]) -> TrustEnforcement.Configuration {
    TrustEnforcement.Configuration(policy: policy, registry: trustName(at: addresses))
  }

  /// - Returns: nil if no tag lists are to be signed.
  /// - Throws: `ConfigurationError` for a key that cannot be used.
  func tagListKey() throws(ConfigurationError) -> SigningKey? {
    guard let trustTagListKey else { return nil }
    do {
      let key = try SigningKeyFile.key(trustTagListKey) {
        guard let trustTagListPassphraseFile else {
          throw ConfigurationError(
            "it is protected: name the file of its passphrase in trust.tagListPassphraseFile")
        }
        return try SigningKeyFile.passphrase(trustTagListPassphraseFile)
      }
      return key
    } catch {
      throw ConfigurationError("trust.tagListKey is \"\(trustTagListKey)\": \(error)")
    }
  }

  /// - Parameter addresses: that the registry listens on.
  func tagLists(by key: SigningKey, at addresses: [ListenAddress]) -> TagListSigning.Configuration {
    TagListSigning.Configuration(key: key, lifetime: trustTagListLifetime, registry: trustName(at: addresses))
  }

  func trustName(at addresses: [ListenAddress]) -> String {
    trustRegistry ?? Self.name(of: addresses)
  }

  /// How clients on this machine call the registry.
  private static func name(of addresses: [ListenAddress]) -> String {
    for address in addresses {
      guard case .tcp(let host, let port) = address else { continue }
      let isAny = ["", "0.0.0.0", "::"].contains(host)
      return "\(isAny ? "localhost" : host.contains(":") ? "[\(host)]" : host):\(port)"
    }
    return "localhost"
  }
}
