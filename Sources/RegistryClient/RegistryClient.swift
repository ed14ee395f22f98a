import ContainerImage
import ImageTransfer

/// A client of registries: finds out, by what the user's machine says, which servers to ask for an image and how.
///
/// ```swift
/// let client = try RegistryClient(.current())
/// let repository = try client.repository(ImageReference(parsing: "registry.example/hello:v1"), for: .pullByTag)
/// let manifest = try repository.manifest()
/// ```
///
/// Every call to a registry blocks its thread until the answer is there. Connections and tokens are shared by all
/// that one client does.
public final class RegistryClient: Sendable {
  public let options: ClientOptions
  public let credentials: CredentialStore
  private let environment: UserEnvironment
  private let endpoints: RegistryEndpoints
  private let proxies: ProxySettings
  private let pool: ConnectionPool

  /// - Throws: `TransferError` if the settings of the machine are broken.
  public init(_ environment: UserEnvironment, options: ClientOptions = ClientOptions()) throws(TransferError)
  {
    do throws(SettingsError) {
      endpoints = try RegistryEndpoints(environment)
    } catch {
      throw error.transferError
    }
    self.options = options
    self.environment = environment
    credentials = CredentialStore(environment, helpers: endpoints.registries.credentialHelpers)
    proxies = ProxySettings(environment)
    pool = ConnectionPool(isCancelled: options.isCancelled)
  }

  /// A repository of a registry, or of its mirrors where the settings name some.
  /// - Throws: `TransferError`
  public func repository(
    _ reference: ImageReference, for operation: RegistryOperation
  ) throws(TransferError) -> RemoteRepository {
    do throws(SettingsError) {
      let found = try endpoints.endpoints(for: reference, operation)
      return RemoteRepository(
        reference, operation, found.enumerated().map { client($1, isLast: $0 == found.count - 1) },
        pool: pool, proxies: proxies, options: options)
    } catch {
      throw error.transferError
    }
  }

  /// Where signatures of a repository's images are: in it, and in the lookaside that `registries.d` names.
  /// - Throws: `TransferError` if the settings are broken.
  public func signatures(in repository: RemoteRepository) throws(TransferError) -> RemoteSignatures {
    do throws(SettingsError) {
      let places = try LookasideSettings(environment).places(for: repository.reference)
      return RemoteSignatures(repository: repository, lookaside: Lookaside(places, of: repository))
    } catch {
      throw error.transferError
    }
  }

  /// Whether a registry lets this user in, with the credentials of the options or the stored ones (end-1).
  /// - Throws: `TransferError`
  public func ping(_ registry: String) throws {
    let response = try send(registry, .init(target: .path("/"), scopes: []))
    guard response.head.status == 200 else { throw response.failure("\(registry)", isLookUp: false) }
    response.discard()
  }

  /// The repositories of a registry in its order, as far as it tells.
  /// - Throws: `TransferError`
  public func repositories(of registry: String) throws -> [String] {
    try server(registry).0.catalog(of: registry)
  }

  private func send(_ registry: String, _ call: EndpointClient.Call) throws -> ClientResponse {
    let (client, _) = try server(registry)
    return try RemoteRepository.translating(registry) { try client.send(call) }
  }

  /// A registry as such: a repository that nobody has stands for it.
  private func server(_ registry: String) throws(TransferError) -> (EndpointClient, ImageReference) {
    do {
      let name = try ImageReference.registry(parsing: registry[...])
      let reference = ImageReference(registry: name, repository: try RepositoryName(parsing: "kontor"))
      var endpoint = try endpoints.endpoints(for: reference, .push)[0]
      endpoint.credentialScope = CredentialScope(registry: name)
      return (client(endpoint), reference)
    } catch let error as SettingsError {
      throw error.transferError
    } catch {
      throw .failed("\(error)")
    }
  }

  /// - Parameter isLast: false for a server after which others are asked: those need not wait for it.
  private func client(_ endpoint: RegistryEndpoint, isLast: Bool = true) -> EndpointClient {
    var options = options
    if endpoint.isMirror, !isLast { options.retries.attempts = 1 }
    return EndpointClient(endpoint, pool: pool, credentials: credentials, proxies: proxies, options: options)
  }
}
