import Access
import ContainerImage
import Trust

/// The upstreams, and which names mean one of them.
public struct UpstreamList: Sendable {
  /// Bytes.
  public static let maximumSize = 1 << 20

  public let upstreams: [Upstream]

  /// - Parameters:
  ///   - bytes: JSON; see docs/mirror.md. At most `maximumSize`.
  ///   - what: the document, as the subject of a sentence.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public init(parsing bytes: [UInt8], what: String) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    do throws(InvalidValue) {
      let document = JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it"))
      var upstreams: [Upstream] = []
      for node in try document.members("upstreams").needed("upstreams").elements() {
        let upstream = try Upstream(node)
        for other in upstreams {
          if other.namespace == upstream.namespace {
            throw node.failure("there is an upstream \(other.namespace.quotedForMessage) already")
          }
          if other.covers(upstream.prefix) || upstream.covers(other.prefix) {
            throw node.failure(
              "its prefix \(upstream.prefix) and \(other.prefix) of another upstream are one below the other")
          }
        }
        upstreams.append(upstream)
      }
      self.upstreams = upstreams
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  /// What a name means. Whether that is given out is another question (`MirroredRepository.isGivenOut`).
  /// - Parameters:
  ///   - name: as the request has it.
  ///   - namespace: the request's parameter `ns`; nil for none.
  /// - Throws: `MirrorRefusal`
  /// - Returns: nil for a repository of the registry's own.
  public func place(
    of name: RepositoryName, namespace: String?
  ) throws(MirrorRefusal) -> MirroredRepository? {
    if let namespace {
      guard let upstream = upstreams.first(where: { $0.namespace == namespace }) else {
        throw .unknownNamespace(namespace)
      }
      return try upstream.place(ofRemote: name)
    }
    // All prefixes before all other names: no upstream takes what is below another one's.
    if let upstream = upstreams.first(where: { $0.covers(name) }) {
      let rest = name.description.dropFirst(upstream.prefix.description.utf8.count + 1)
      // The prefix itself is no repository.
      guard !rest.isEmpty, let remote = try? RepositoryName(parsing: rest) else { return nil }
      return try upstream.place(ofRemote: remote)
    }
    guard let upstream = upstreams.first(where: { $0.bare.contains { $0.matches(name) } }) else { return nil }
    return try upstream.place(ofRemote: name)
  }

  /// The upstream of a name in references.
  public func upstream(named name: String) -> Upstream? { upstreams.first { $0.namespace == name } }

  /// Whether the repository is filled from elsewhere.
  public func isMirrored(_ name: RepositoryName) -> Bool {
    upstreams.contains { $0.covers(name) || $0.bare.contains { $0.matches(name) } }
  }
}

/// A repository here that is filled from an upstream.
public struct MirroredRepository: Sendable {
  /// Here.
  public let name: RepositoryName
  public let upstream: Upstream
  /// There.
  public let remote: RepositoryName

  /// By what the operator allows and denies.
  public var isGivenOut: Bool { upstream.mirrors(remote) }
}

/// Why what a name means is not given out.
public enum MirrorRefusal: Error, Sendable, Equatable {
  case unknownNamespace(String)
  /// Its name here would have too many bytes.
  case tooLong(RepositoryName)
}

extension Upstream {
  /// Whether a name is the prefix, or below it.
  fileprivate func covers(_ name: RepositoryName) -> Bool {
    let (name, prefix) = (name.description.utf8, prefix.description.utf8)
    guard name.starts(with: prefix) else { return false }
    return name.count == prefix.count || name.dropFirst(prefix.count).first == UInt8(ascii: "/")
  }

  fileprivate func place(ofRemote name: RepositoryName) throws(MirrorRefusal) -> MirroredRepository {
    var remote = name
    // Docker Hub's own images are in `library`, and users leave that out.
    if namespace == ImageReference.dockerHub, !name.description.utf8.contains(UInt8(ascii: "/")),
      let whole = try? RepositoryName(parsing: "library/\(name)")
    {
      remote = whole
    }
    guard let local = try? RepositoryName(parsing: "\(prefix)/\(remote)") else { throw .tooLong(remote) }
    return MirroredRepository(name: local, upstream: self, remote: remote)
  }
}
