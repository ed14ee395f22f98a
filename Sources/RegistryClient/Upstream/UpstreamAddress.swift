import ContainerImage

/// Where a registry is: `https://registry.example`, with a port, or a path before `/v2`, if need be.
public struct UpstreamAddress: Sendable, Hashable, CustomStringConvertible {
  let endpoint: RegistryEndpoint
  public let description: String

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard let url = ClientURL(text), url.query == nil else {
      throw .malformed("\(text.quotedForMessage) is no URL of a registry, such as https://registry.example")
    }
    // A repository that nobody has stands for the registry as such.
    let reference = ImageReference(
      registry: url.host.description, repository: try RepositoryName(parsing: "kontor"))
    var endpoint = RegistryEndpoint(scheme: url.scheme, host: url.host, reference: reference)
    endpoint.apiPath = (url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path) + "/v2"
    self.endpoint = endpoint
    description = url.origin + (url.path == "/" ? "" : url.path)
  }

  /// Whether what goes there can be read on its way.
  public var isExposed: Bool { endpoint.scheme == .http && !endpoint.host.isLoopback }
}
