import ContainerImage

/// A name under which a file has credentials: a registry, a part of one (`registry.example/team`, read by containers'
/// tools), or the URL of an API (as Docker wrote them, and still does for Docker Hub).
struct CredentialKey: Equatable {
  /// Docker's name for Docker Hub in files and to helpers.
  static let dockerHubURL = "https://index.docker.io/v1/"

  /// Lower case, Docker Hub as `docker.io`.
  let registry: String
  /// The repository's beginning, as whole path components; empty for the whole registry.
  let path: Substring

  /// - Parameter isLegacy: of `.dockercfg`, where a path is always an API's.
  init(_ text: String, isLegacy: Bool = false) {
    var rest = text[...]
    var isURL = false
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
      isURL = true
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    registry = Self.normalized(rest[..<slash])
    path = isURL || isLegacy || slash == rest.endIndex ? "" : rest[rest.index(after: slash)...]
  }

  /// Whether credentials under this key are for the scope.
  func covers(_ scope: CredentialScope) -> Bool {
    guard registry == Self.normalized(scope.registry[...]) else { return false }
    guard !path.isEmpty else { return true }
    guard let repository = scope.repository?.description else { return false }
    return repository == path || repository.hasPrefix(path + "/")
  }

  static func normalized(_ registry: Substring) -> String {
    let host = registry.lowercased()
    return ["index.docker.io", "registry-1.docker.io"].contains(host) ? ImageReference.dockerHub : host
  }
}
