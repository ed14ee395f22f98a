import ContainerImage
import ImageTransfer
import Mirroring
import RegistryClient

/// Another registry.
struct RemotePlace: ReplicationPlace {
  let connection: UpstreamConnection
  let operation: RegistryOperation
  let isCancelled: @Sendable () -> Bool

  private static let mostQuestions = 8

  func repositories() throws -> [RepositoryName] {
    try connection.repositories(isCancelled: isCancelled).compactMap { try? RepositoryName(parsing: $0) }
  }

  func tags(in repository: RepositoryName) throws -> [Tag] {
    try self.repository(repository).tags().compactMap { try? Tag(parsing: $0) }
  }

  func digest(of tag: Tag, in repository: RepositoryName) throws -> Digest? {
    try self.repository(repository).manifestDigest(.tag(tag))
  }

  func source(
    _ tag: Tag, _ root: Digest, in repository: RepositoryName, tags: Set<Tag>
  ) throws -> any ImageSource {
    connection.source(self.repository(repository, tag), root: root, tags: tags)
  }

  func destination(
    _ tag: Tag, in repository: RepositoryName, isSparse: Bool
  ) throws -> any ImageDestination {
    connection.destination(self.repository(repository, tag))
  }

  func delete(_ tag: Tag, in repository: RepositoryName) throws {
    try self.repository(repository).delete(.tag(tag))
  }

  func mayBePartial(_ repository: RepositoryName) -> Bool { false }

  var failure: String? { connection.failure }

  var questions: Int { min(connection.remote.connections, Self.mostQuestions) }

  private func repository(_ name: RepositoryName, _ tag: Tag? = nil) -> RemoteRepository {
    connection.repository(name, tag: tag, for: operation, isCancelled: isCancelled)
  }
}
