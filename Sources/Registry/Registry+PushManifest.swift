import ContainerImage
import NIOCore
import Storage

extension Registry {
  /// A manifest that was stored.
  public struct PushedManifest: Sendable, Equatable {
    public let digest: Digest
    public let subject: Digest?
    /// The tags that point to it now, of those that the request named.
    public let tags: [Tag]
  }

  /// Stores a manifest exactly as it came, and moves tags to it.
  /// - Parameters:
  ///   - reference: a tag to move, or the digest that the content must have.
  ///   - tags: further tags to move.
  /// - Throws: `RegistryError.manifestInvalid`, `.manifestTooLarge`, `.digestMismatch`, `.referencesMissing`,
  ///   `.tagImmutable`, and what
  ///   `Configuration.admit` throws.
  public func pushManifest(
    _ content: ByteBuffer, contentType: MediaType?, as reference: ManifestReference, tags: [Tag],
    in repository: RepositoryName
  ) async throws -> PushedManifest {
    try await pushManifest(
      content, contentType: contentType, as: reference, tags: tags, in: repository,
      admission: configuration.admit)
  }

  /// As the other one.
  /// - Parameter admission: nil for a manifest that this registry made itself.
  func pushManifest(
    _ content: ByteBuffer, contentType: MediaType?, as reference: ManifestReference, tags: [Tag],
    in repository: RepositoryName, admission: (@Sendable (Manifest, RepositoryName) async throws -> Void)?
  ) async throws -> PushedManifest {
    guard content.readableBytes <= configuration.maximumManifestSize else {
      throw RegistryError.manifestTooLarge(limit: configuration.maximumManifestSize)
    }
    let bytes = Array(content.readableBytesView)
    var tags = tags
    let digest: Digest
    switch reference {
    case .tag(let tag):
      digest = Digest(hashing: bytes)
      tags.insert(tag, at: 0)
    case .digest(let expected):
      digest = Digest(expected.algorithm, hashing: bytes)
      guard digest == expected else {
        throw RegistryError.digestMismatch(expected: expected, actual: digest)
      }
    }
    let manifest: Manifest
    do {
      manifest = try Manifest(parsing: bytes, contentType: contentType)
    } catch {
      throw RegistryError.manifestInvalid("\(error)")
    }
    try await admission?(manifest, repository)
    try await trust?.admit(manifest, content, digest, tags: tags, to: repository)
    var new = NewManifest(
      digest: digest, manifest: manifest, content: content, tags: tags,
      allowsMissingBlobs: configuration.allowSparse == .all,
      allowsMissingManifests: configuration.allowSparse != .off)
    new.fixedTags = Set(tags.filter { isImmutable($0, in: repository) })
    do {
      try await store.metadata.putManifest(new, in: repository)
    } catch let fixed as FixedTag {
      throw RegistryError.tagImmutable(fixed.tag, fixed.digest)
    } catch let missing as MissingReferences {
      throw RegistryError.referencesMissing(missing.digests)
    }
    return PushedManifest(digest: digest, subject: manifest.subject?.digest, tags: tags)
  }
}
