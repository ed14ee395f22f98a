import ContainerImage

/// Where an image is, in the words of a policy: a transport, and what names the image there.
public struct PolicyPlace: Sendable, Hashable {
  /// As in `policy.json`, such as `docker` or `oci`.
  public let transport: String
  /// The scopes that the image is in, the narrowest first; the transport's default is not among them.
  public let scopes: [String]
  /// The name that signatures can be compared with; nil where images have none.
  public let reference: ImageReference?

  /// An image in a registry. A host's name in capitals is the same host; no tag and no digest means `latest`.
  public static func registry(_ reference: ImageReference) -> PolicyPlace {
    named(reference, in: "docker")
  }

  /// An image of a container engine, such as `docker-daemon`, which has names as registries have them.
  public static func named(_ reference: ImageReference, in transport: String) -> PolicyPlace {
    let reference = ImageReference(
      registry: reference.registry.lowercased(), repository: reference.repository,
      tag: reference.tag ?? (reference.digest == nil ? .latest : nil), digest: reference.digest)
    let own =
      (reference.digest.map { ["\(reference.name)@\($0)"] } ?? [])
      + (reference.tag.map { ["\(reference.name):\($0)"] } ?? [])
    return PolicyPlace(
      transport: transport, scopes: own + DockerScope.above(reference), reference: reference)
  }

  /// An image in a file or a directory, such as `oci` or `dir`.
  /// - Parameters:
  ///   - path: absolute, and without symbolic links.
  ///   - name: what the image is called there, where there may be several.
  public static func path(_ path: String, named name: String? = nil, in transport: String) -> PolicyPlace {
    var scopes = name.map { ["\(path):\($0)"] } ?? []
    var rest = path[...]
    while rest.count > 1 {
      scopes.append(String(rest))
      guard let slash = rest.lastIndex(of: "/") else { break }
      rest = rest[..<slash]
    }
    return PolicyPlace(transport: transport, scopes: scopes, reference: nil)
  }

  /// An image in a place that has no scopes, such as `docker-archive`.
  public static func unnamed(in transport: String) -> PolicyPlace {
    PolicyPlace(transport: transport, scopes: [], reference: nil)
  }

  /// A scope as if it were an image: what is in it and in no narrower scope is judged by the rule for this place.
  /// - Parameter scope: as in `policy.json`; empty for all of the transport.
  /// - Throws: `InvalidValue` if no image can be in it.
  public static func scope(
    _ scope: String, in transport: String
  ) throws(InvalidValue) -> PolicyPlace {
    if scope.isEmpty { return .unnamed(in: transport) }
    if let problem = PolicyReader.problem(of: scope, in: transport) {
      throw .malformed("the scope \(scope.quotedForMessage) \(problem)")
    }
    switch transport {
    case "docker", "atomic", "docker-daemon":
      return PolicyPlace(transport: transport, scopes: DockerScope.from(scope), reference: nil)
    case "dir", "oci", "oci-archive", "sif":
      let name = scope.lastIndex(of: "/").flatMap { scope[$0...].firstIndex(of: ":") }
      return .path(
        String(scope[..<(name ?? scope.endIndex)]),
        named: name.map { String(scope[scope.index(after: $0)...]) },
        in: transport)
    default: return PolicyPlace(transport: transport, scopes: [scope], reference: nil)
    }
  }

  /// The place of an image that an index in this place lists: in the same scopes, and named by its own digest if the index is
  /// by its.
  public func part(_ digest: Digest) -> PolicyPlace {
    guard let reference, reference.digest != nil else { return self }
    let own = ImageReference(
      registry: reference.registry, repository: reference.repository, tag: reference.tag, digest: digest)
    return PolicyPlace(transport: transport, scopes: scopes, reference: own)
  }
}
