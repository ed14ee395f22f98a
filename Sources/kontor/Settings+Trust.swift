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
    TrustEnforcement.Configuration(policy: policy, registry: trustRegistry ?? Self.name(of: addresses))
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
