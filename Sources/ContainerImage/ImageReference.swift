/// A name under which a registry has an image: `[registry/]repository[:tag][@digest]`, with Docker's rules for what
/// is left out: no registry means Docker Hub, no tag and no digest means the tag `latest`.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
  /// Docker Hub's name in references; its API has another host.
  public static let dockerHub = "docker.io"

  /// Host and, if it is not the scheme's own, port: `registry.example:5000`.
  public let registry: String
  public let repository: RepositoryName
  public let tag: Tag?
  public let digest: Digest?

  public init(registry: String, repository: RepositoryName, tag: Tag? = nil, digest: Digest? = nil) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// - Throws: `InvalidValue`
  public init(parsing text: String) throws(InvalidValue) {
    if let scheme = text.firstRange(of: "://") {
      throw .malformed(
        "\(text.quotedForMessage) is not an image's name: leave out \(String(text[..<scheme.upperBound]).quotedForMessage)"
      )
    }
    var rest = text[...]
    var digest: Digest?
    if let at = rest.utf8.firstIndex(of: UInt8(ascii: "@")) {
      digest = try Digest(parsing: rest[rest.utf8.index(after: at)...])
      rest = rest[..<at]
    }
    var tag: Tag?
    // A colon before the last slash is a port's.
    let slash = rest.utf8.lastIndex(of: UInt8(ascii: "/")) ?? rest.startIndex
    if let colon = rest[slash...].utf8.lastIndex(of: UInt8(ascii: ":")) {
      tag = try Tag(parsing: rest[rest.utf8.index(after: colon)...])
      rest = rest[..<colon]
    }
    (registry, repository) = try Self.split(rest)
    self.tag = tag
    self.digest = digest
  }

  /// `registry/repository`, or a repository on Docker Hub.
  /// - Throws: `InvalidValue`
  public static func split(_ name: Substring) throws(InvalidValue) -> (String, RepositoryName) {
    guard !name.isEmpty else { throw .malformed("an image's name is missing") }
    if let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")), isRegistry(name[..<slash]) {
      let registry = try registry(parsing: name[..<slash])
      let path = name[name.utf8.index(after: slash)...]
      // Official images of Docker Hub are in a namespace that nobody writes.
      let isShort = registry == dockerHub && !path.utf8.contains(UInt8(ascii: "/"))
      return (registry, try RepositoryName(parsing: (isShort ? "library/" : "") + path))
    }
    let isShort = !name.utf8.contains(UInt8(ascii: "/"))
    return (dockerHub, try RepositoryName(parsing: (isShort ? "library/" : "") + name))
  }

  /// The first part of a name is a registry's if it could be no part of a repository's, or is `localhost`.
  private static func isRegistry(_ text: Substring) -> Bool {
    text == "localhost" || text.contains { $0 == "." || $0 == ":" || $0.isUppercase }
  }

  /// A registry's host and port. Docker Hub's other names become the one of references.
  /// - Throws: `InvalidValue.malformed`
  public static func registry(parsing text: Substring) throws(InvalidValue) -> String {
    var host = text
    var port: Substring?
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      let rest = host[host.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw noRegistry(text) }
      port = rest.isEmpty ? nil : rest.dropFirst()
      host = host[...end]
      let isAddress = host.dropFirst().dropLast().utf8.allSatisfy {
        $0.isLowerHexadecimal || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0)
          || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
      }
      guard isAddress, host.utf8.count > 3 else { throw noRegistry(text) }
    } else {
      if let colon = host.lastIndex(of: ":") {
        port = host[host.index(after: colon)...]
        host = host[..<colon]
      }
      let labels = host.split(separator: ".", omittingEmptySubsequences: false)
      let areLabels = labels.allSatisfy { label in
        !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
          && label.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
      }
      guard areLabels else { throw noRegistry(text) }
    }
    if let port {
      guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let number = UInt16(port), number > 0
      else { throw noRegistry(text) }
    }
    return ["index.docker.io", "registry-1.docker.io"].contains(text) ? dockerHub : String(text)
  }

  private static func noRegistry(_ text: Substring) -> InvalidValue {
    .malformed(
      "\(text.quotedForMessage) is not a registry: expected a host, or a host and a port such as localhost:5000"
    )
  }

  /// What to ask the registry for: the digest if there is one, else the tag, else `latest`.
  public var manifest: ManifestReference {
    if let digest { return .digest(digest) }
    return .tag(tag ?? .latest)
  }

  public var description: String {
    "\(registry)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
  }
}
