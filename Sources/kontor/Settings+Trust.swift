import ContainerImage
import FoundationEssentials
import HTTPServer
import Registry
import Runtimes
import Trust

extension Settings {
  /// - Parameter addresses: that the registry listens on.
  /// - Returns: nil without a policy.
  /// - Throws: `ConfigurationError` for a policy, or a key of its, that cannot be used.
  func trust(at addresses: [ListenAddress]) throws(ConfigurationError) -> TrustEnforcement.Configuration? {
    guard let trustPolicy else { return nil }
    do {
      let policy = try PolicyFile.read(trustPolicy, at: Date())
      return TrustEnforcement.Configuration(
        policy: policy, registry: trustRegistry ?? Self.name(of: addresses))
    } catch {
      throw ConfigurationError("trust.policy is \"\(trustPolicy)\": \(error)")
    }
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
