import ContainerImage

/// Scopes of images that have names as registries have them: `*.example.com`, `registry.example[:PORT]`, a namespace,
/// a repository, or one image with its tag or digest.
enum DockerScope {
  /// What an image's scopes are above its tag and digest, the narrowest first.
  static func above(_ reference: ImageReference) -> [String] {
    above(reference.name[...])
  }

  /// A scope, and those that all of its images are in, the narrowest first.
  /// - Parameter scope: one that images can be in (`problem`).
  static func from(_ scope: String) -> [String] {
    if scope.hasPrefix("*.") { return wildcards(for: scope.dropFirst(2), from: [scope]) }
    let repository = scope.lastIndex(of: "/").map { slash in
      scope[..<(scope[slash...].firstIndex { $0 == "@" || $0 == ":" } ?? scope.endIndex)]
    }
    let above = above(repository ?? scope[...])
    return above.first == scope ? above : [scope] + above
  }

  private static func above(_ name: Substring) -> [String] {
    var scopes: [String] = []
    var name = name
    while true {
      scopes.append(String(name))
      guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { break }
      name = name[..<slash]
    }
    // No address in brackets is below a domain.
    guard !name.hasPrefix("[") else { return scopes }
    return wildcards(for: name.prefix { $0 != ":" }, from: scopes)
  }

  private static func wildcards(for host: Substring, from scopes: [String]) -> [String] {
    var (host, scopes) = (host, scopes)
    while let dot = host.firstIndex(of: ".") {
      host = host[host.index(after: dot)...]
      scopes.append("*." + host)
    }
    return scopes
  }

  /// - Returns: why no image can ever be in the scope, as a sentence's rest after "the scope "; nil if one can.
  static func problem(of scope: String) -> String? {
    if scope.hasPrefix("*.") {
      let domain = scope.dropFirst(2)
      guard !domain.contains(":"), !domain.contains("/") else {
        return "has a wildcard, after which only a domain may stand, such as *.example.com"
      }
      return problem(ofRegistry: domain)
    }
    guard let slash = scope.utf8.firstIndex(of: UInt8(ascii: "/")) else {
      return problem(ofRegistry: scope[...], isAlone: true)
    }
    if let problem = problem(ofRegistry: scope[..<slash], isAlone: true) { return problem }
    do {
      _ = try ImageReference(parsing: scope)
      return nil
    } catch {
      return "names no image and no part of a registry: \(error)"
    }
  }

  /// - Parameter isAlone: it has to be told from a repository on Docker Hub.
  private static func problem(ofRegistry text: Substring, isAlone: Bool = false) -> String? {
    guard let registry = try? ImageReference.registry(parsing: text) else {
      return "does not begin with a registry's host, such as registry.example or registry.example:5000"
    }
    guard registry == text else { return "names Docker Hub, whose name here is docker.io" }
    guard text == text.lowercased() else { return "names a host in capitals: write it in small letters" }
    if isAlone, text != "localhost", !text.contains("."), !text.contains(":") {
      return "does not begin with a registry's host: write images of Docker Hub as docker.io/library/NAME"
    }
    return nil
  }
}
