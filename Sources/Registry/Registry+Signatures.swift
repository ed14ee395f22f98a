import ContainerImage
import Storage
import Trust

extension Registry {
  /// Bytes of a signature that is in no manifest.
  public static let largestSignature = SimpleSigning.maximumSize

  /// Takes a signature of simple signing. With a trust policy it has to be good, unless the policy does not ask for such.
  /// - Throws: `RegistryError.denied` for one that is not good, `.manifestUnknown`, `.signatureRefused`, `StorageError`
  /// - Returns: false if it was there already.
  public func putSignature(
    _ signature: MetadataStore.Signature, of manifest: Digest, in repository: RepositoryName
  ) async throws -> Bool {
    try await trust?.admit(signature, of: manifest, to: repository)
    let result = try await store.metadata.putSignature(
      signature, of: manifest, in: repository, limit: SignatureEvidence.maximumCount)
    switch result {
    case .stored: return true
    case .known: return false
    case .taken:
      throw RegistryError.signatureRefused(
        "there is another signature named \(signature.name.quotedForMessage)")
    case .tooMany:
      throw RegistryError.signatureRefused(
        "the manifest has \(SignatureEvidence.maximumCount) signatures, and may have no more")
    case .manifestUnknown: throw RegistryError.manifestUnknown(.digest(manifest), repository)
    }
  }

  /// A manifest's signatures of simple signing, in the order in which they came.
  public func signatures(
    of manifest: Digest, in repository: RepositoryName
  ) async throws -> [MetadataStore.Signature] {
    try await store.blocking { [store] in try store.metadata.signatures(of: manifest, in: repository) }
  }
}
