import ContainerImage
import ImageTransfer
import RegistryClient

#if canImport(Glibc)
  import Glibc
#endif

/// Repositories of another registry as sources and destinations of copies, which share its limits with all else that is asked there. All
/// of it blocks.
extension UpstreamConnection {
  /// - Parameters:
  ///   - root: which manifest is meant, whatever the registry says that the tag means.
  ///   - tags: all of the repository: a registry that does not know what refers to an image lists that under a tag.
  public func source(_ repository: RemoteRepository, root: Digest, tags: Set<Tag>) -> any ImageSource {
    LimitedSource(source: RegistrySource(repository, root: root), tags: tags, connection: self)
  }

  public func destination(_ repository: RemoteRepository) -> any ImageDestination {
    LimitedDestination(destination: RegistryDestination(repository), connection: self)
  }

  public func repository(
    _ name: RepositoryName, tag: Tag? = nil, for operation: RegistryOperation,
    isCancelled: @escaping @Sendable () -> Bool
  ) -> RemoteRepository {
    registry.repository(
      name, tag: tag, of: remote.name, for: operation,
      gate: PatientGate(limits: limits, isCancelled: isCancelled, count: { [self] in count($0) }),
      isCancelled: isCancelled)
  }

  /// - Throws: `TransferError`
  public func repositories(isCancelled: @escaping @Sendable () -> Bool) throws -> [String] {
    try registry.repositories(
      gate: PatientGate(limits: limits, isCancelled: isCancelled, count: { [self] in count($0) }),
      isCancelled: isCancelled)
  }

  /// Why it is not asked now; nil if it is.
  public var failure: String? { limits.report().pausedFor == nil ? nil : limits.report().failure }
}

/// Waits where a registry asks for patience, for who copies has time.
private struct PatientGate: RequestGate {
  let limits: UpstreamGuard
  let isCancelled: @Sendable () -> Bool
  let count: @Sendable ((inout UpstreamConnection.Counts) -> Void) -> Void

  /// Between two looks.
  private static let step: useconds_t = 100_000

  func enter() throws {
    while true {
      if isCancelled() { throw TransferError.cancelled }
      do throws(UpstreamFailure) {
        try limits.check()
      } catch {
        guard case .limited = error.kind else { throw TransferError.failed(error.description) }
        usleep(Self.step)
        continue
      }
      if limits.mayGo() { break }
      usleep(Self.step / 5)
    }
    count { $0.requests += 1 }
  }

  func answered(
    status: Int, retryAfter: Int?, limits told: RateLimitHeaders, since start: ContinuousClock.Instant
  ) {
    limits.told(told)
    switch status {
    case 429:
      fail(UpstreamFailure(.limited(retryAfter: retryAfter), "it answered with status 429"), since: start)
    case 500...:
      fail(UpstreamFailure(.unavailable, "it answered with status \(status)"), since: start)
    default: limits.answered(since: start)
    }
  }

  func failed(reason: String, since start: ContinuousClock.Instant) {
    fail(UpstreamFailure(.unavailable, reason), since: start)
  }

  private func fail(_ failure: UpstreamFailure, since start: ContinuousClock.Instant) {
    limits.failed(failure, since: start)
    count { $0.failures += 1 }
  }
}

/// A source of which no more blobs are read at a time than its registry is to be asked for.
private struct LimitedSource: ImageSource {
  let source: RegistrySource
  let tags: Set<Tag>
  let connection: UpstreamConnection

  func root() throws -> ManifestDocument { try source.root() }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try source.manifest(descriptor) }
  func has(_ blob: Descriptor) throws -> Bool { try source.has(blob) }

  func referrers(of digest: Digest) throws -> [Descriptor] {
    // Most registries without that API have no such tag either: two questions less for each image.
    if connection.lacksReferrers, !tags.contains(Tag(listingReferrersOf: digest)) { return [] }
    if let found = try source.repository.listedReferrers(of: digest) { return found }
    connection.lacksReferrers = true
    return try referrersByTag(of: digest)
  }

  private func referrersByTag(of digest: Digest) throws -> [Descriptor] {
    guard tags.contains(Tag(listingReferrersOf: digest)) else { return [] }
    return try source.repository.fallbackReferrers(of: digest)
  }

  var origin: (registry: String, repository: RepositoryName)? { source.origin }

  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    connection.slots.takeBlocking()
    do {
      let reader = try source.blob(descriptor, from: offset)
      connection.count { $0.transfers += 1 }
      return Reader(reader, connection)
    } catch {
      connection.slots.giveBack()
      throw error
    }
  }

  private final class Reader: BlobReader {
    private let reader: any BlobReader
    private let connection: UpstreamConnection

    init(_ reader: any BlobReader, _ connection: UpstreamConnection) {
      self.reader = reader
      self.connection = connection
    }

    deinit { connection.slots.giveBack() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      let count = try reader.read(into: buffer)
      connection.count { $0.received += Int64(count) }
      return count
    }
  }
}

/// A destination to which no more blobs are sent at a time than its registry is to get.
private struct LimitedDestination: ImageDestination {
  let destination: RegistryDestination
  let connection: UpstreamConnection

  var takesIndexes: Bool { destination.takesIndexes }
  var needsAllBlobs: Bool { destination.needsAllBlobs }
  var mayLackBlobs: Bool { destination.mayLackBlobs }
  func manifest(_ digest: Digest) throws -> ManifestDocument? { try destination.manifest(digest) }
  func has(_ blob: Descriptor) throws -> Bool { try destination.has(blob) }

  func put(_ blob: Descriptor, from source: BlobContent) throws {
    connection.slots.takeBlocking()
    defer { connection.slots.giveBack() }
    try destination.put(blob, from: source)
  }

  func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    try destination.put(manifest, isRoot: isRoot)
  }

  func finish() throws { try destination.finish() }
  func abandon() { destination.abandon() }
}
