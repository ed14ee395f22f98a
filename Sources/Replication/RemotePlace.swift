import ContainerImage
import ImageTransfer
import Mirroring
import RegistryClient

/// Another registry.
struct RemotePlace: ReplicationPlace {
  private let connection: UpstreamConnection
  private let operation: RegistryOperation
  private let isCancelled: @Sendable () -> Bool
  private let gate: PatientGate
  private let session: UpstreamSession

  private static let mostQuestions = 8

  init(
    _ connection: UpstreamConnection, for operation: RegistryOperation,
    isCancelled: @escaping @Sendable () -> Bool
  ) {
    self.connection = connection
    self.operation = operation
    self.isCancelled = isCancelled
    gate = PatientGate(connection, isCancelled: isCancelled)
    session = connection.session(gate)
  }

  var registry: String { connection.remote.name }

  func repositories() throws -> [RepositoryName] {
    try session.repositories().compactMap { try? RepositoryName(parsing: $0) }
  }

  func tags(in repository: RepositoryName) throws -> [Tag] {
    try session.repository(repository, for: operation).tags().compactMap { try? Tag(parsing: $0) }
  }

  func digest(of tag: Tag, in repository: RepositoryName, isListed: Bool) throws -> Digest? {
    let repository = session.repository(repository, for: operation)
    if let digest = try repository.manifestDigest(.tag(tag)) { return digest }
    guard isListed else { return nil }
    // Not every registry answers HEAD as GET.
    do {
      return try repository.manifest(.tag(tag)).digest
    } catch TransferError.notFound {
      return nil
    }
  }

  func source(
    _ tag: Tag, _ root: Digest, in repository: RepositoryName, tags: Set<Tag>
  ) throws -> any ImageSource {
    RemoteSource(
      source: RegistrySource(session.repository(repository, tag: tag, for: operation), root: root), tags: tags
    )
  }

  func destination(
    _ tag: Tag, in repository: RepositoryName, isSparse: Bool
  ) throws -> any ImageDestination {
    RegistryDestination(session.repository(repository, tag: tag, for: operation))
  }

  func delete(_ tag: Tag, in repository: RepositoryName) throws {
    try session.repository(repository, for: operation).delete(.tag(tag))
  }

  func mayBePartial(_ repository: RepositoryName) -> Bool { false }

  func beginTransfer() throws { try connection.beginTransfer(isCancelled: isCancelled) }

  func endTransfer(received bytes: Int64) { connection.endTransfer(received: bytes) }

  var failure: String? { gate.failure }

  var questions: Int { min(connection.remote.connections, Self.mostQuestions) }
}

/// An image of another registry whose repository's tags are known: where these stand for the API for referrers, most images need no question.
private struct RemoteSource: ImageSource {
  let source: RegistrySource
  let tags: Set<Tag>

  var rootDigest: Digest? { source.rootDigest }
  func root() throws -> ManifestDocument { try source.root() }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try source.manifest(descriptor) }
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    try source.blob(descriptor, from: offset)
  }
  func has(_ blob: Descriptor) throws -> Bool { try source.has(blob) }
  func origins(of blob: Descriptor) -> [QualifiedRepository] { source.origins(of: blob) }

  func referrers(of digest: Digest) throws -> [Descriptor] {
    if let found = try source.repository.listedReferrers(of: digest) { return found }
    guard tags.contains(Tag(listingReferrersOf: digest)) else { return [] }
    return try source.repository.fallbackReferrers(of: digest)
  }
}
