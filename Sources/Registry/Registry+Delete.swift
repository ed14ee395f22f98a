import ContainerImage
import Storage

extension Registry {
  /// Removes a tag, or a manifest with all tags that point to it.
  /// - Throws: `RegistryError.manifestUnknown`, `.repositoryUnknown`
  public func deleteManifest(_ reference: ManifestReference, in repository: RepositoryName) async throws {
    let isDeleted =
      switch reference {
      case .tag(let tag): try await store.metadata.deleteTag(tag, in: repository)
      case .digest(let digest): try await store.metadata.deleteManifest(digest, in: repository)
      }
    guard !isDeleted else { return }
    let exists = try await store.blocking { [store] in try store.metadata.hasRepository(repository) }
    throw exists
      ? RegistryError.manifestUnknown(reference, repository) : RegistryError.repositoryUnknown(repository)
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
