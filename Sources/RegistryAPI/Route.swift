import ContainerImage
import HTTPServer
import Registry

/// What a path of the distribution API names (distribution-spec, section "Endpoints"), with everything in it
/// parsed.
enum Route: Sendable, Equatable {
  /// end-1
  case base
  /// end-2, end-10
  case blob(RepositoryName, Digest)
  /// end-3, end-7, end-9
  case manifest(RepositoryName, ManifestReference)
  /// end-4, end-11
  case uploads(RepositoryName)
  /// end-5, end-6, end-13, end-14
  case upload(RepositoryName, id: String)
  /// end-8
  case tags(RepositoryName)
  /// end-12
  case referrers(RepositoryName, Digest)
  case catalog
  /// Extensions of the registry or of one repository (extensions/_oci.md).
  case extensions(RepositoryName?)
  /// Kontor's own extension (docs/trust.md): `/v2/<name>/_kontor/tags/signed`.
  case signedTags(RepositoryName)

  /// - Parameter path: raw, from the request line; begins with `/v2`.
  /// - Returns: nil for a path that the API does not have.
  /// - Throws: `WireError` for a malformed name, reference or digest.
  init?(path: String) throws(WireError) {
    var parts = try Self.segments(of: path)
    guard parts.first == "v2" else { return nil }
    parts.removeFirst()
    switch parts.count {
    case 0: self = .base
    case 1 where parts[0].isEmpty: self = .base
    case 1 where parts[0] == "_catalog": self = .catalog
    default:
      guard let route = try Self.repositoryRoute(parts) else { return nil }
      self = route
    }
  }

  /// Nil for what belongs to none.
  var repository: RepositoryName? {
    switch self {
    case .base, .catalog: nil
    case .extensions(let name): name
    case .blob(let name, _), .manifest(let name, _), .uploads(let name), .upload(let name, _),
      .tags(let name),
      .referrers(let name, _), .signedTags(let name):
      name
    }
  }

  /// The same of another repository.
  func renamed(_ name: RepositoryName) -> Route {
    switch self {
    case .base, .catalog, .extensions(nil): self
    case .extensions: .extensions(name)
    case .blob(_, let digest): .blob(name, digest)
    case .manifest(_, let reference): .manifest(name, reference)
    case .uploads: .uploads(name)
    case .upload(_, let id): .upload(name, id: id)
    case .tags: .tags(name)
    case .referrers(_, let digest): .referrers(name, digest)
    case .signedTags: .signedTags(name)
    }
  }

  private static func repositoryRoute(_ parts: [Substring]) throws(WireError) -> Route? {
    let count = parts.count
    let last = parts[count - 1]
    if last == "discover", parts.suffix(3) == ["_oci", "ext", "discover"] {
      return .extensions(count == 3 ? nil : try name(parts.dropLast(3)))
    }
    if last == "signed", parts.suffix(3) == ["_kontor", "tags", "signed"] {
      return .signedTags(try name(parts.dropLast(3)))
    }
    guard count >= 3 else { return nil }
    if count >= 4, parts[count - 3] == "blobs", parts[count - 2] == "uploads" {
      let repository = try name(parts.dropLast(3))
      return last.isEmpty ? .uploads(repository) : .upload(repository, id: String(last))
    }
    switch parts[count - 2] {
    case "manifests":
      let repository = try name(parts.dropLast(2))
      do {
        return .manifest(repository, try ManifestReference(parsing: last))
      } catch {
        throw WireError(.badRequest, last.contains(":") ? .digestInvalid : .manifestInvalid, "\(error)")
      }
    case "blobs" where last == "uploads":
      return .uploads(try name(parts.dropLast(2)))
    case "blobs":
      let repository = try name(parts.dropLast(2))
      return .blob(repository, try digest(last))
    case "tags" where last == "list":
      return .tags(try name(parts.dropLast(2)))
    case "referrers":
      let repository = try name(parts.dropLast(2))
      return .referrers(repository, try digest(last))
    default:
      return nil
    }
  }

  /// The path's pieces after the leading slash, each decoded by itself: an encoded slash is refused, for it
  /// would make two pieces of one. All are parts of one text, in their order.
  static func segments(of path: String) throws(WireError) -> [Substring] {
    guard path.utf8.contains(UInt8(ascii: "%")) else { return pieces(of: path) }
    var decoded = ""
    for piece in pieces(of: path) {
      guard let piece = percentDecoded(piece), !piece.utf8.contains(UInt8(ascii: "/")) else {
        throw WireError(.badRequest, .nameInvalid, "the path \(path.quotedForMessage) is not validly encoded")
      }
      decoded += "/" + piece
    }
    return pieces(of: decoded)
  }

  private static func pieces(of path: String) -> [Substring] {
    var pieces: [Substring] = []
    pieces.reserveCapacity(8)
    // By bytes, not by characters: cheaper, and a combining mark after a slash hides no slash.
    var rest = path.utf8.dropFirst()
    while let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
      pieces.append(Substring(rest[..<slash]))
      rest = rest[rest.index(after: slash)...]
    }
    pieces.append(Substring(rest))
    return pieces
  }

  /// - Parameter parts: neighbours in the path.
  static func name(_ parts: ArraySlice<Substring>) throws(WireError) -> RepositoryName {
    do {
      guard let first = parts.first, let last = parts.last else { return try RepositoryName(parsing: "") }
      return try RepositoryName(parsing: first.base[first.startIndex..<last.endIndex])
    } catch {
      throw WireError(.badRequest, .nameInvalid, "\(error)")
    }
  }

  /// A digest of a path or a parameter.
  static func digest(_ text: Substring) throws(WireError) -> Digest {
    do {
      return try Digest(parsing: text)
    } catch {
      throw WireError(.badRequest, .digestInvalid, "\(error)")
    }
  }
}
