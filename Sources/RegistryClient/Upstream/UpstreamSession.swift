import ContainerImage
import ImageTransfer
import Synchronization

/// All that is asked of one registry for a while, over the same connections and with the same tokens.
public final class UpstreamSession: Sendable {
  private let name: String
  private let endpoint: RegistryEndpoint
  private let options: ClientOptions
  private let proxies: ProxySettings
  private let lookUp: @Sendable () throws -> Credentials
  private let pool: ConnectionPool
  /// Tokens are for a repository, and those that are pulled from are not those that are pushed to.
  private let clients = Mutex<[Key: EndpointClient]>([:])

  private struct Key: Hashable {
    let repository: RepositoryName
    let operation: RegistryOperation
  }

  /// Of repositories whose tokens are remembered; beyond, memory starts anew.
  private static let mostClients = 1000

  init(
    name: String, endpoint: RegistryEndpoint, options: ClientOptions, proxies: ProxySettings,
    lookUp: @escaping @Sendable () throws -> Credentials
  ) {
    self.name = name
    self.endpoint = endpoint
    self.options = options
    self.proxies = proxies
    self.lookUp = lookUp
    pool = ConnectionPool(isCancelled: options.isCancelled)
  }

  /// - Parameter tag: that is meant where nothing else is said.
  public func repository(
    _ repository: RepositoryName, tag: Tag? = nil, for operation: RegistryOperation
  ) -> RemoteRepository {
    let key = Key(repository: repository, operation: operation)
    let client = clients.withLock { clients in
      if let known = clients[key] { return known }
      if clients.count >= Self.mostClients { clients = [:] }
      var endpoint = endpoint
      endpoint.reference = ImageReference(registry: name, repository: repository)
      let new = makeClient(endpoint)
      clients[key] = new
      return new
    }
    return RemoteRepository(
      ImageReference(registry: name, repository: repository, tag: tag), operation, [client], pool: pool,
      proxies: proxies, options: options)
  }

  /// The registry's repositories in its order, as far as it tells.
  /// - Throws: `TransferError`
  public func repositories() throws -> [String] { try makeClient(endpoint).catalog(of: name) }

  private func makeClient(_ endpoint: RegistryEndpoint) -> EndpointClient {
    EndpointClient(endpoint, pool: pool, proxies: proxies, options: options, lookUp: lookUp)
  }
}
