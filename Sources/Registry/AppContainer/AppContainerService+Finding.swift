import AppContainer
import ContainerImage
import ImageTransfer
import Storage

extension AppContainerService {
  /// What a query means.
  public enum Found: Sendable {
    /// An ACI that was pushed, with its signature if there is one.
    case pushed(image: Digest, signature: Digest?, RepositoryName)
    /// One that was made of an image before.
    case converted(ConvertedACI, RepositoryName)
    /// An image of which one can be made.
    case image(ImageToConvert)
  }

  /// An image that has to be converted.
  public struct ImageToConvert: Sendable {
    let query: ACIQuery
    let key: ConvertedACI.Key
    let manifest: Manifest
  }

  /// Looks an image up. For a query without a version, all tags of the repository may be looked at; otherwise this may run
  /// on an event loop.
  /// - Throws: `ACIRefusal.notFound`, `.notConvertible`, `StorageError`
  public func find(_ query: ACIQuery) throws -> Found {
    let target = try target(of: query)
    let repository = target.repository
    if let (artifact, _) = try artifact(for: query, target) {
      return .pushed(image: artifact.image.digest, signature: artifact.signature?.digest, repository)
    }
    let image = (record: target.record, manifest: target.manifest)
    let key = ConvertedACI.Key(
      repository: repository, manifest: image.record.digest, name: query.name.description,
      version: query.labels.version ?? target.tag.description, revision: Self.conversionRevision)
    if let known = try store.metadata.convertedACI(key), known.signature?.fingerprint == signerFingerprint {
      guard try known.labels.satisfy(query.labels.without(ACLabels.version)) else {
        throw Self.notFound(query)
      }
      return .converted(known, repository)
    }
    return .image(ImageToConvert(query: query, key: key, manifest: image.manifest))
  }

  /// Whether discovery leads on from a name: to a repository's images, or to those below it.
  /// - Parameter isVisible: whether the client may know of a repository.
  public func isKnown(
    _ name: ACIdentifier, where isVisible: (RepositoryName) -> Bool
  ) throws(StorageError) -> Bool {
    guard let repository = configuration.hosts.repository(of: name) else { return false }
    if isVisible(repository), try store.metadata.hasRepository(repository) { return true }
    let below = "\(repository)/"
    // Behind those below it, the order of names goes on with others.
    return try store.metadata.repositories(
      after: below, limit: 1, where: { isVisible($0) || !$0.description.hasPrefix(below) }
    ).first?.description.hasPrefix(below) ?? false
  }

  static func notFound(_ query: ACIQuery) -> ACIRefusal {
    let labels = query.labels.labels.map { ", \($0.name)=\($0.value)" }.joined()
    return .notFound("there is no image \(query.name)\(labels) in this registry")
  }

  /// The ACI that was pushed and is meant; nil if there is none.
  func pushedArtifact(for query: ACIQuery) throws -> ACIArtifact? {
    do {
      return try artifact(for: query, target(of: query))?.artifact
    } catch ACIRefusal.notFound {
      return nil
    }
  }

  /// What a query's version and platform mean.
  struct Target {
    let repository: RepositoryName
    let tag: Tag
    /// An image's, or an ACI's that needs others and so has no image beside it.
    let record: ManifestRecord
    let manifest: Manifest
  }

  func target(of query: ACIQuery) throws -> Target {
    guard let repository = configuration.hosts.repository(of: query.name),
      let tag = try query.tag ?? newestTag(in: repository, query),
      var record = try store.metadata.manifest(.tag(tag), in: repository)
    else { throw Self.notFound(query) }
    var manifest = try record.parsed()
    while manifest.kind == .index {
      let entry: Descriptor
      do {
        entry = try ImageCopier.choose(try query.platform, in: manifest)
      } catch {
        throw ACIRefusal.notFound("\(query.name): \(error)")
      }
      guard entry.digest != record.digest,
        let next = try store.metadata.manifest(.digest(entry.digest), in: repository)
      else { throw Self.notFound(query) }
      record = next
      manifest = try next.parsed()
    }
    return Target(repository: repository, tag: tag, record: record, manifest: manifest)
  }

  /// The ACI that was pushed: itself, or the last one that an image was made of.
  func artifact(
    for query: ACIQuery, _ target: Target
  ) throws -> (artifact: ACIArtifact, manifest: Digest)? {
    if let artifact = try Self.artifact(target.manifest) {
      guard artifact.name == query.name, artifact.labels.satisfy(query.labels) else {
        throw Self.notFound(query)
      }
      return (artifact, target.record.digest)
    }
    let referrers = try store.metadata.referrers(
      of: target.record.digest, in: target.repository, artifactType: ACIArtifact.artifactType, after: 0,
      limit: 100, byteLimit: 1 << 20)
    for entry in referrers.descriptors.reversed() {
      guard let described = ACIArtifact.described(by: entry.annotations ?? [:]), described.name == query.name,
        described.labels.satisfy(query.labels),
        let record = try store.metadata.manifest(.digest(entry.digest), in: target.repository),
        let artifact = try Self.artifact(record.parsed())
      else { continue }
      return (artifact, entry.digest)
    }
    return nil
  }

  private static func artifact(_ manifest: Manifest) throws -> ACIArtifact? {
    do {
      return try ACIArtifact(manifest)
    } catch {
      throw ACIRefusal.notConvertible("\(error)")
    }
  }

  private func newestTag(in repository: RepositoryName, _ query: ACIQuery) throws -> Tag? {
    guard query.labels.version == nil else { return nil }
    if try store.metadata.manifest(.tag(.latest), in: repository) != nil { return .latest }
    var order = VersionOrder()
    try store.metadata.forEachTag(in: repository) { order.add($0, movedAt: $1) }
    return order.newest
  }
}

extension ConvertedACI {
  var labels: ACLabels {
    get throws(AppContainerError) {
      try ACLabels(
        [(ACLabels.os, os), (ACLabels.architecture, architecture)].compactMap { name, value in
          value.map { ACLabels.Label(name: name, value: $0) }
        })
    }
  }
}

extension ACLabels {
  func without(_ name: ACIdentifier) throws(AppContainerError) -> ACLabels {
    try ACLabels(labels.filter { $0.name != name })
  }
}
