import ContainerImage
import NIOCore
import Storage
import Trust

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
  ///   - isForSignature: whether the client may do no more than sign.
  ///   - isSparse: whether images that an index lists may be missing, whatever is configured.
  /// - Throws: `RegistryError.manifestInvalid`, `.manifestTooLarge`, `.digestMismatch`, `.referencesMissing`,
  ///   `.tagImmutable`, `.quotaExceeded`, `.noSignature`, and what `Configuration.admit` throws.
  public func pushManifest(
    _ content: ByteBuffer, contentType: MediaType?, as reference: ManifestReference, tags: [Tag],
    in repository: RepositoryName, isForSignature: Bool = false, isSparse: Bool = false
  ) async throws -> PushedManifest {
    let admit = configuration.admit
    return try await pushManifest(
      content, contentType: contentType, as: reference, tags: tags, in: repository, isSparse: isSparse,
      admission: { manifest, tags in
        if isForSignature { try Self.checkIsSignature(manifest, tags) }
        try await admit?(manifest, repository)
      })
  }

  /// As the other one.
  /// - Parameter admission: nil for a manifest that this registry made itself.
  func pushManifest(
    _ content: ByteBuffer, contentType: MediaType?, as reference: ManifestReference, tags: [Tag],
    in repository: RepositoryName, isSparse: Bool = false,
    admission: (@Sendable (Manifest, [Tag]) async throws -> Void)?
  ) async throws -> PushedManifest {
    try checkIsOwn(repository)
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
    try await admission?(manifest, tags)
    try await trust?.admit(manifest, content, digest, tags: tags, to: repository)
    var new = NewManifest(
      digest: digest, manifest: manifest, content: content, tags: tags,
      allowsMissingBlobs: configuration.allowSparse == .all,
      allowsMissingManifests: isSparse || configuration.allowSparse != .off)
    new.limits = limits(of: repository)
    new.fixedTags = Set(tags.filter { isImmutable($0, in: repository) })
    do {
      try await store.metadata.putManifest(new, in: repository)
    } catch let fixed as FixedTag {
      throw RegistryError.tagImmutable(fixed.tag, fixed.digest)
    } catch let missing as MissingReferences {
      throw RegistryError.referencesMissing(missing.digests)
    } catch let exceeded as StorageLimitExceeded {
      throw RegistryError(exceeded)
    }
    return PushedManifest(digest: digest, subject: manifest.subject?.digest, tags: tags)
  }

  /// A signer puts signatures beside images: with the image as their subject, or under the tags that cosign gives them.
  private static func checkIsSignature(_ manifest: Manifest, _ tags: [Tag]) throws(RegistryError) {
    guard SignatureDiscovery.isSignature(manifest),
      manifest.layers.allSatisfy({ $0.size <= SignatureDiscovery.largestBlob }),
      let subject = SignatureDiscovery.subject(of: manifest, tags: tags)
    else { throw .noSignature }
    let allowed = [CosignSignature.tag(for: subject), CosignSignature.attestationTag(for: subject)]
    guard tags.allSatisfy({ allowed.contains($0.description) }) else { throw .noSignature }
  }
}
