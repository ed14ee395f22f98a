import ContainerImage

/// Which servers to ask for an image, in which order and how, by all that the user's machine says: containers'
/// `registries.conf`, containerd's `hosts.toml`, and the `certs.d` directories of Docker and containers' tools.
///
/// Where `registries.conf` has a table for an image, it alone counts, and `hosts.toml` is not read. The two cannot be put
/// together: each gives a whole order with the registry at its end. `registries.conf` comes first since it belongs to
/// clients that a user runs, and only it can forbid an image; `hosts.toml` belongs to a daemon.
public struct RegistryEndpoints: Sendable {
  public let registries: RegistriesConfiguration
  private let environment: UserEnvironment
  private let certificates: CertificateDirectories

  /// Docker Hub's API.
  private static let dockerHubHost = "registry-1.docker.io"

  /// - Throws: `SettingsError` of `RegistriesConfiguration`
  public init(_ environment: UserEnvironment) throws(SettingsError) {
    self.environment = environment
    registries = try RegistriesConfiguration(environment)
    certificates = CertificateDirectories(environment)
  }

  /// The endpoints to try for an operation; at least one.
  /// - Throws: `SettingsError`: the image is blocked, no server may be asked for this, or the settings are broken.
  public func endpoints(
    for reference: ImageReference, _ operation: RegistryOperation
  ) throws(SettingsError) -> [RegistryEndpoint] {
    if let places = try registries.places(for: reference, operation) {
      var endpoints: [RegistryEndpoint] = []
      for place in places {
        var endpoint = try self.endpoint(place.reference)
        endpoint.isMirror = place.isMirror
        if place.isInsecure {
          endpoint.skipsVerification = true
          endpoint.fallsBackToHTTP = true
        }
        endpoints.append(endpoint)
      }
      return endpoints
    }
    guard let configuration = try HostsConfiguration.read(for: reference.registry, environment) else {
      return [try endpoint(reference)]
    }
    let hosts = configuration.hosts(for: operation)
    guard !hosts.isEmpty else {
      throw .noEndpoint(
        image: "\(reference)",
        reason: "no server in \(configuration.directory)/hosts.toml has the capability to "
          + (operation == .push ? "push" : operation == .pullByTag ? "resolve and pull" : "pull"))
    }
    var endpoints: [RegistryEndpoint] = []
    for host in hosts { endpoints.append(try endpoint(reference, host)) }
    return endpoints
  }

  /// The registry of a reference itself.
  private func endpoint(_ reference: ImageReference) throws(SettingsError) -> RegistryEndpoint {
    let isDockerHub = reference.registry == ImageReference.dockerHub
    let name = isDockerHub ? Self.dockerHubHost : reference.registry
    let host: RegistryHost
    do throws(InvalidValue) {
      host = try RegistryHost(parsing: name[...])
    } catch {
      throw .noEndpoint(image: "\(reference)", reason: "\(error)")
    }
    var endpoint = RegistryEndpoint(scheme: .https, host: host, reference: reference)
    endpoint.certificates = try certificates.certificates(for: reference.registry)
    // As Docker does. Unlike Docker, this still verifies the certificate of a server that has one.
    endpoint.fallsBackToHTTP = host.isLoopback
    return endpoint
  }

  private func endpoint(
    _ reference: ImageReference, _ host: HostsConfiguration.Host
  ) throws(SettingsError) -> RegistryEndpoint {
    var endpoint: RegistryEndpoint
    if let server = host.server {
      let name = server.host.description == Self.dockerHubHost ? ImageReference.dockerHub : "\(server.host)"
      let target = ImageReference(
        registry: name, repository: reference.repository, tag: reference.tag, digest: reference.digest)
      endpoint = try self.endpoint(target)
      endpoint.apiPath = server.apiPath
      endpoint.isMirror = name != reference.registry
      endpoint.namespace = endpoint.isMirror ? reference.registry : nil
      // A server that is named has the scheme that it is named with, but for this custom of containerd.
      let triesTLS = server.scheme == .http && host.configuresTLS && server.host.port != 80
      endpoint.scheme = triesTLS ? .https : server.scheme
      endpoint.fallsBackToHTTP = triesTLS
    } else {
      endpoint = try self.endpoint(reference)
    }
    if !host.certificates.isEmpty { endpoint.certificates = host.certificates }
    endpoint.skipsVerification = host.skipsVerification ?? false
    endpoint.headers = host.headers
    // Two kinds of authorization in one request would be one too many, and the file's was meant.
    if host.headers.contains(where: { $0.name.lowercased() == "authorization" }) {
      endpoint.credentialScope = nil
    }
    return endpoint
  }
}
