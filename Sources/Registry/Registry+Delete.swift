import ContainerImage
import Storage

extension Registry {
  /// Removes a tag, or a manifest with all tags that point to it.
  /// - Throws: `RegistryError.manifestUnknown`, `.repositoryUnknown`, `.tagImmutable`
  public func deleteManifest(_ reference: ManifestReference, in repository: RepositoryName) async throws {
    do {
      switch reference {
      case .tag(let tag):
        let isFixed = isImmutable(tag, in: repository)
        if try await store.metadata.deleteTag(tag, in: repository, unless: isFixed) { return }
      case .digest(let digest):
        let isDeleted = try await store.metadata.deleteManifest(digest, in: repository) { [self] tag in
          isImmutable(tag, in: repository)
        }
        if isDeleted { return }
      }
    } catch let fixed as FixedTag {
      throw RegistryError.tagImmutable(fixed.tag, fixed.digest)
    }
    throw try await store.blocking { [self] in try unknown(reference, in: repository) }
  }

  /// Whether a tag means for ever what it meant first.
  func isImmutable(_ tag: Tag, in repository: RepositoryName) -> Bool {
    configuration.immutableTags.contains { $0.matches(tag, in: repository) }
  }

  /// Takes a blob out of a repository. Other repositories keep it.
  /// - Throws: `RegistryError.blobUnknown`
  /// - Returns: how many manifests of the repository still refer to it.
  public func deleteBlob(_ digest: Digest, in repository: RepositoryName) async throws -> Int {
    guard let references = try await store.metadata.unlinkBlob(digest, from: repository) else {
      throw RegistryError.blobUnknown(digest, repository)
    }
    return references
  }
}
