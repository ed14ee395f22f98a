import ContainerImage
import Storage

/// Why the registry does not do what a client asked. Failures of the disk are `StorageError`s instead.
public enum RegistryError: Error, Sendable, Equatable {
  case repositoryUnknown(RepositoryName)
  case blobUnknown(Digest, RepositoryName)
  case manifestUnknown(ManifestReference, RepositoryName)
  case uploadUnknown(String)
  /// A chunk does not begin where the session's content ends.
  case chunkOutOfOrder(upload: UploadStatus)
  /// The body is shorter or longer than the request announced.
  case sizeMismatch(expected: Int64, received: Int64)
  case digestMismatch(expected: Digest, actual: Digest)
  case manifestInvalid(String)
  case manifestTooLarge(limit: Int)
  case referencesMissing([Digest])
  /// The tag is to mean for ever what it means.
  case tagImmutable(Tag, Digest)
  /// More would be stored than a quota allows.
  case quotaExceeded(StorageLimit, used: Int64)
  /// Of a client that may only sign; in bytes.
  case tooLargeForSignature(limit: Int64)
  /// Of a client that may only sign.
  case noSignature
  /// What is in the repository comes from another registry, and from nobody else.
  case filledFromElsewhere(RepositoryName)
  /// A list of all tags cannot be signed.
  case tooManyTags(RepositoryName, limit: Int)
  /// By the trust policy; the text says why.
  case denied(String)
  /// A signature has no place; the text says why.
  case signatureRefused(String)
}
