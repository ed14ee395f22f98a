import ContainerImage

/// `registries.conf` of containers' tools (containers-registries.conf(5)): where the images of a registry, or of a part of
/// one, really are.
///
/// Aliases of short names and the registries to search for unqualified names are read, but nothing here uses them: a
/// name without a registry is Docker Hub's (`ImageReference`).
public struct RegistriesConfiguration: Sendable, Hashable {
  /// Which pulls a mirror serves.
  enum MirrorUse: String, CaseIterable {
    case all
    case digestOnly = "digest-only"
    case tagOnly = "tag-only"
  }

  struct Mirror: Sendable, Hashable {
    var location: String
    var isInsecure: Bool
    var use: MirrorUse
  }

  struct Registry: Sendable, Hashable {
    /// A registry, perhaps with a repository's beginning and a tag or digest; or `*.` and a domain.
    var prefix: String
    /// What stands there instead of the prefix; nil with a `*.` prefix: the name as it is.
    var location: String?
    var isInsecure: Bool
    var isBlocked: Bool
    var mirrors: [Mirror]

    var isWildcard: Bool { prefix.hasPrefix("*.") }
  }

  var registries: [Registry] = []
  /// `unqualified-search-registries`
  public internal(set) var searchRegistries: [String] = []
  /// `[aliases]`: names for short names.
  public internal(set) var aliases: [String: String] = [:]
  /// `credential-helpers`; see `CredentialStore`.
  public internal(set) var credentialHelpers: [String] = []

  /// A place to try.
  public struct Place: Sendable, Hashable {
    /// The image's name there.
    public let reference: ImageReference
    /// TLS without verification, and HTTP without TLS, will do.
    public let isInsecure: Bool
    public let isMirror: Bool
  }

  /// The places to try for an image, in this order.
  ///
  /// A push goes to the name as it is: mirrors and locations are for pulls only.
  /// - Returns: nil if the configuration says nothing about the image.
  /// - Throws: `SettingsError.blocked`; `.malformed` if a location does not make a name.
  public func places(
    for reference: ImageReference, _ operation: RegistryOperation
  ) throws(SettingsError) -> [Place]? {
    guard let registry = registry(for: reference) else { return nil }
    guard !registry.isBlocked else { throw .blocked(image: "\(reference)", prefix: registry.prefix) }
    if operation == .push {
      return [Place(reference: reference, isInsecure: registry.isInsecure, isMirror: false)]
    }
    var places: [Place] = []
    for mirror in registry.mirrors where Self.serves(mirror.use, operation) {
      let target = try rewrite(reference, registry, mirror.location)
      if let place = place(target, isInsecure: mirror.isInsecure, isMirror: true) { places.append(place) }
    }
    let target = try registry.location.map { location throws(SettingsError) in
      try rewrite(reference, registry, location)
    }
    let primary = place(target ?? reference, isInsecure: registry.isInsecure, isMirror: false)
    if let primary { places.append(primary) }
    guard !places.isEmpty else {
      throw .blocked(image: "\(reference)", prefix: registry.location ?? registry.prefix)
    }
    return places
  }

  /// A table about the place itself counts for it too: it may make it insecure, or forbid it.
  private func place(_ reference: ImageReference, isInsecure: Bool, isMirror: Bool) -> Place? {
    let own = registry(for: reference)
    if let own, own.isBlocked { return nil }
    return Place(
      reference: reference, isInsecure: isInsecure || own?.isInsecure == true, isMirror: isMirror)
  }

  private static func serves(_ use: MirrorUse, _ operation: RegistryOperation) -> Bool {
    switch use {
    case .all: true
    case .digestOnly: operation == .pullByDigest
    case .tagOnly: operation == .pullByTag
    }
  }

  /// The table with the longest prefix; of two that are as long, the one without a wildcard.
  private func registry(for reference: ImageReference) -> Registry? {
    let name = Self.name(reference)
    return registries.filter { Self.rest(of: name, after: $0) != nil }
      .max { ($0.prefix.utf8.count, $0.isWildcard ? 0 : 1) < ($1.prefix.utf8.count, $1.isWildcard ? 0 : 1) }
  }

  private static func name(_ reference: ImageReference) -> String {
    let isBare = reference.tag == nil && reference.digest == nil
    return "\(reference)" + (isBare ? ":\(Tag.latest)" : "")
  }

  /// What follows the prefix; nil if the name does not begin with it.
  private static func rest(of name: String, after registry: Registry) -> Substring? {
    if registry.isWildcard {
      let end = name.firstIndex(of: "/") ?? name.endIndex
      // A port is no part of the domain: a prefix of this kind has none.
      let domain = name[..<end].hasPrefix("[") ? name[..<end] : name[..<end].prefix { $0 != ":" }
      return domain.hasSuffix(registry.prefix.dropFirst()) ? name[end...] : nil
    }
    guard name.hasPrefix(registry.prefix) else { return nil }
    let rest = name.dropFirst(registry.prefix.count)
    guard let next = rest.first else { return rest }
    // After a registry alone, a colon would begin a port: another registry's.
    let separators: [Character] = registry.prefix.contains("/") ? ["/", ":", "@"] : ["/"]
    return separators.contains(next) ? rest : nil
  }

  /// The name with the location in the prefix's place.
  private func rewrite(
    _ reference: ImageReference, _ registry: Registry, _ location: String
  ) throws(SettingsError) -> ImageReference {
    let name = location + (Self.rest(of: Self.name(reference), after: registry) ?? "")
    do throws(InvalidValue) {
      return try Self.parse(name)
    } catch {
      throw .malformed(
        path: "registries.conf",
        reason: "the location \(location.quotedForMessage) makes no name of \(reference): \(error)")
    }
  }

  /// The first component of a location is a registry even without a dot in it, unlike a user's names'.
  private static func parse(_ name: String) throws(InvalidValue) -> ImageReference {
    guard let slash = name.firstIndex(of: "/") else {
      throw .malformed("\(name.quotedForMessage) has no repository")
    }
    let registry = try ImageReference.registry(parsing: name[..<slash])
    // Read as a name of some registry, for the repository, tag and digest.
    let rest = try ImageReference(parsing: "localhost" + name[slash...])
    guard rest.tag != nil || rest.digest != nil else {
      throw .malformed("the prefix has a tag or digest, so the location needs one")
    }
    return ImageReference(
      registry: registry, repository: rest.repository, tag: rest.tag, digest: rest.digest)
  }
}
