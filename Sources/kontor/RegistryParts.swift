import ContainerImage
import HTTPServer
import Logging
import Mirroring
import Registry
import RegistryClient
import Replication
import Storage
import Trust

/// The registry and what fills it, put together as the settings say: for a server, and for commands that do its work without one.
struct RegistryParts {
  let registry: Registry
  let acceptance: ACIAcceptance
  /// Nil if any image is as good as any other.
  let policy: Policy?
  /// Nil if nothing is mirrored.
  let mirror: UpstreamMirror?
  /// Nil if nothing is replicated.
  let replicator: Replicator?

  /// - Throws: `ConfigurationError`
  init(_ settings: Settings, _ store: ContentStore, _ logger: Logger) throws(ConfigurationError) {
    let upstreams = try settings.upstreams()
    let rules = try settings.replication(upstreams)
    acceptance = settings.acceptance(store)
    policy = try settings.policy()
    let isMirrored: @Sendable (RepositoryName) -> Bool = { upstreams?.isMirrored($0) == true }
    let trust = policy.map { policy in
      TrustEnforcement(
        settings.trust(by: policy, at: settings.listen), store: store, logger: logger, isMirrored: isMirrored)
    }
    var configuration = settings.registry
    configuration.isMirrored = isMirrored
    configuration.admit = { [acceptance] in try await acceptance.admit($0, to: $1) }
    let registry = Registry(store: store, configuration: configuration, trust: trust, logger: logger)
    self.registry = registry
    let environment = UserEnvironment.current()
    let mirror = upstreams.map {
      UpstreamMirror($0, registry: registry, environment: environment, logger: logger)
    }
    self.mirror = mirror
    replicator = rules.map { rules in
      Replicator(
        rules, registry: registry, mirror: mirror, staging: settings.data + "/replication",
        environment: environment,
        logger: logger)
    }
  }
}

extension Settings {
  fileprivate var registry: Registry.Configuration {
    var configuration = Registry.Configuration()
    configuration.allowSparse = allowSparse
    configuration.immutableTags = immutableTags
    configuration.quotas = quotas
    configuration.maximumManifestSize = Int(maxManifestSize)
    configuration.gracePeriod = gcGrace
    return configuration
  }
}
