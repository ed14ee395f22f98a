import ContainerImage
import ImageTransfer
import Synchronization

/// A destination of one of several copies that go on at the same time: a blob that another one brings is waited for, and not brought
/// twice.
struct SharedDestination: ImageDestination {
  /// What the copies of a run take turns at.
  struct Work: Hashable, Sendable {
    let digest: Digest
    let repository: RepositoryName
  }

  private let destination: any ImageDestination
  private let repository: RepositoryName
  private let turns: Turns<Work>
  /// Both ends, in the same order for all runs: none waits for an end that waits for it.
  private let ends: [any ReplicationPlace]
  private let source: String

  init(
    _ destination: any ImageDestination, in repository: RepositoryName, taking turns: Turns<Work>,
    from source: any ReplicationPlace, to target: any ReplicationPlace
  ) {
    self.destination = destination
    self.repository = repository
    self.turns = turns
    self.source = source.registry
    ends = [source, target].sorted { $0.registry < $1.registry }
  }

  var takesIndexes: Bool { destination.takesIndexes }
  var needsAllBlobs: Bool { destination.needsAllBlobs }
  var mayLackBlobs: Bool { destination.mayLackBlobs }

  func manifest(_ digest: Digest) throws -> ManifestDocument? { try destination.manifest(digest) }

  /// Where it says no, the turn is the caller's until it has put the blob.
  func has(_ blob: Descriptor) throws -> Bool {
    let work = Work(digest: blob.digest, repository: repository)
    turns.begin(work)
    do {
      if try !destination.has(blob) { return false }
      turns.end(work)
      return true
    } catch {
      turns.end(work)
      throw error
    }
  }

  func put(_ blob: Descriptor, from source: BlobContent) throws {
    defer { turns.end(Work(digest: blob.digest, repository: repository)) }
    var begun: [any ReplicationPlace] = []
    var received: Int64 = 0
    defer { for end in begun { end.endTransfer(received: end.registry == self.source ? received : 0) } }
    for end in ends {
      try end.beginTransfer()
      begun.append(end)
    }
    try destination.put(blob, from: source)
    received = blob.size
  }

  func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    guard let subject = try manifest.manifest().subject?.digest else {
      return try destination.put(manifest, isRoot: isRoot)
    }
    // Where a tag lists what refers to an image, two at once would overwrite each other's list.
    try turns.with(Work(digest: subject, repository: repository)) {
      try destination.put(manifest, isRoot: isRoot)
    }
  }

  func finish() throws { try destination.finish() }
  func abandon() { destination.abandon() }
}
