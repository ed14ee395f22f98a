import ContainerImage
import ImageTransfer
import Logging
import NIOCore
import Registry
import RegistryClient
import Storage
import Synchronization
import Trust

/// Fills repositories from upstreams with what is asked for.
public final class UpstreamMirror: Sendable {
  /// Whether an answer is what the upstream says now.
  public enum Freshness: Sendable, Equatable {
    case fresh
    /// It could not be asked; when it was asked last, in seconds since 1970.
    case stale(checkedAt: Int64)
  }

  /// Of names that are remembered; beyond, memory starts anew.
  private static let mostKnown = 100_000
  private static let mostPlaces = 10_000

  let registry: Registry
  let logger: Logger
  public let list: UpstreamList
  private let connections: [String: UpstreamConnection]
  private let locks = KeyedLock<String>()
  /// Tags that need not be asked for until then.
  private let fresh = Mutex<[MirroredName: FreshTag]>([:])
  /// What is not there, until when that need not be asked again.
  private let missing = Mutex<[String: ContinuousClock.Instant]>([:])
  private let places = Mutex<[RepositoryName: MirroredRepository?]>([:])
  private let transfers = Mutex<[String: BlobTransfer]>([:])
  private let pulls = Mutex<[Pulled: Int64]>([:])

  private struct MirroredName: Hashable {
    let repository: RepositoryName
    let tag: Tag
  }

  private struct Pulled: Hashable {
    let repository: RepositoryName
    let manifest: Digest
  }

  public init(
    _ list: UpstreamList, registry: Registry, environment: UserEnvironment, logger: Logger
  ) {
    self.list = list
    self.registry = registry
    self.logger = logger
    var connections: [String: UpstreamConnection] = [:]
    for upstream in list.upstreams {
      connections[upstream.namespace] = UpstreamConnection(upstream.registry, environment)
    }
    self.connections = connections
  }

  private var store: ContentStore { registry.store }

  /// How an upstream is asked, by its name in references; nil if there is none of that name.
  public func connection(named name: String) -> UpstreamConnection? { connections[name] }

  func connection(_ place: MirroredRepository) throws(UpstreamFailure) -> UpstreamConnection {
    guard let connection = connections[place.upstream.namespace] else {
      throw UpstreamFailure(.unavailable, "there is no upstream \(place.upstream.namespace)")
    }
    return connection
  }

  /// As `UpstreamList.place`; names that were asked for are remembered. May run on an event loop.
  /// - Throws: `MirrorRefusal`
  public func place(
    of name: RepositoryName, namespace: String?
  ) throws(MirrorRefusal) -> MirroredRepository? {
    guard namespace == nil else { return try list.place(of: name, namespace: namespace) }
    if let known = places.withLock({ $0[name] }) { return known }
    let found = try list.place(of: name, namespace: nil)
    places.withLock { places in
      if places.count >= Self.mostPlaces { places = [:] }
      places.updateValue(found, forKey: name)
    }
    return found
  }

  var all: [(upstream: Upstream, connection: UpstreamConnection)] {
    list.upstreams.compactMap { upstream in connections[upstream.namespace].map { (upstream, $0) } }
  }

  // MARK: - Manifests

  /// A tag of which what is here may be given out without a question; may run on an event loop.
  /// - Returns: nil if it has to be asked for.
  public func fresh(_ tag: Tag, in place: MirroredRepository) -> FreshTag? {
    let known = fresh.withLock { $0[MirroredName(repository: place.name, tag: tag)] }
    guard let known, known.until > .now else { return nil }
    return known
  }

  /// Notes that a manifest was given out; may run on an event loop.
  /// - Parameter tag: by which it was asked for, if that needed no question.
  public func pulled(
    _ manifest: Digest, in place: MirroredRepository, by tag: FreshTag? = nil, wasHere: Bool
  ) {
    let time = secondsSince1970()
    if let tag, tag.manifest == manifest { return tag.pulled(at: time) }
    pulls.withLock { $0[Pulled(repository: place.name, manifest: manifest)] = time }
    if wasHere { try? connection(place).count { $0.hits += 1 } }
  }

  /// Sees to it that a manifest is here, as the upstream has it.
  /// - Throws: `UpstreamFailure`, `StorageError`
  public func fetch(
    _ reference: ManifestReference, in place: MirroredRepository
  ) async throws -> Freshness {
    // All who ask for the same wait for one question.
    try await locks.withLock("\(place.name) \(reference)") {
      switch reference {
      case .digest:
        if try await present(reference, place) == nil {
          try checkIsNotMissing(reference, place)
          try await noting(reference, place) { _ = try await bringImage(reference, place, tags: []) }
        }
        return .fresh
      case .tag(let tag): return try await fetch(tag, place)
      }
    }
  }

  private func fetch(_ tag: Tag, _ place: MirroredRepository) async throws -> Freshness {
    let here = try await present(.tag(tag), place)
    if here != nil, fresh(tag, in: place) != nil { return .fresh }
    let known = try await store.blocking { [store] in try store.metadata.mirroredTag(tag, in: place.name) }
    let now = secondsSince1970()
    if let known, known.digest == here, known.upstream == place.upstream.namespace,
      (0..<place.upstream.ttl.components.seconds).contains(now - known.checkedAt)
    {
      // From before a restart.
      try remember(tag, known.digest, place, for: place.upstream.ttl - .seconds(now - known.checkedAt))
      return .fresh
    }
    do {
      try checkIsNotMissing(.tag(tag), place)
      let digest = try await noting(.tag(tag), place) { try await ask(tag, place, here: here) }
      try await store.metadata.keep(
        MirroredTag(
          repository: place.name, tag: tag, upstream: place.upstream.namespace, digest: digest, checkedAt: now
        ))
      try remember(tag, digest, place, for: place.upstream.ttl)
      return .fresh
    } catch let failure as UpstreamFailure {
      switch failure.kind {
      case .notFound:
        if here != nil, !place.upstream.pinned.contains(where: { $0.matches(tag, in: place.remote) }) {
          _ = try await store.metadata.deleteTag(tag, in: place.name)
          try await store.metadata.forgetMirroredTag(tag, in: place.name)
        }
        throw failure
      case .denied, .limited, .unavailable, .wrong:
        guard let known, known.digest == here, known.upstream == place.upstream.namespace,
          now - known.checkedAt <= place.upstream.staleIfError.components.seconds
        else { throw failure }
        logger.warning(
          "gives out a tag that could not be checked",
          metadata: [
            "upstream": "\(place.upstream.namespace)", "repository": "\(place.name)", "tag": "\(tag)",
            "error": "\(failure)",
          ])
        try connection(place).count { $0.stale += 1 }
        return .stale(checkedAt: known.checkedAt)
      }
    }
  }

  /// What a tag means now, and sees to it that this is here.
  private func ask(_ tag: Tag, _ place: MirroredRepository, here: Digest?) async throws -> Digest {
    guard let here else { return try await bringImage(.tag(tag), place, tags: [tag]) }
    let connection = try connection(place)
    let remote = place.remote
    let head: UpstreamRegistry.ManifestHead?
    do {
      head = try await connection.ask { try $0.head(.tag(tag), in: remote) }
    } catch let failure as UpstreamFailure where failure.kind == .notFound {
      // Not every registry answers HEAD as it answers GET, and much goes with this answer.
      head = nil
    }
    connection.limits.told(head?.limits)
    guard let digest = head?.digest else { return try await bringImage(.tag(tag), place, tags: [tag]) }
    if digest == here {
      try await fetchMissingSignatures(of: digest, tag, place)
      return digest
    }
    if let record = try await store.blocking({ [store] in
      try store.metadata.manifest(.digest(digest), in: place.name)
    }) {
      try await registry.keep(record.content, as: record.mediaType, digest, tags: [tag], in: place.name)
      return digest
    }
    return try await bringImage(.digest(digest), place, tags: [tag])
  }

  /// Fetches and keeps a manifest.
  @discardableResult
  func bring(
    _ reference: ManifestReference, _ place: MirroredRepository, tags: [Tag]
  ) async throws -> ManifestDocument {
    let connection = try connection(place)
    let remote = place.remote
    let (document, limits) = try await connection.ask { try $0.manifest(reference, in: remote) }
    connection.limits.told(limits)
    let content = ByteBuffer(bytes: document.bytes)
    try await registry.keep(content, as: document.mediaType, document.digest, tags: tags, in: place.name)
    return document
  }

  /// As `bring`, with what the trust policy has to know.
  private func bringImage(
    _ reference: ManifestReference, _ place: MirroredRepository, tags: [Tag]
  ) async throws -> Digest {
    let document = try await bring(reference, place, tags: tags)
    if let manifest = try? document.manifest(), !SignatureDiscovery.isSignature(manifest) {
      try await fetchMissingSignatures(of: document.digest, reference.tag ?? tags.first, place)
    }
    return document.digest
  }

  func present(_ reference: ManifestReference, _ place: MirroredRepository) async throws -> Digest? {
    try await store.blocking { [store] in try store.metadata.manifest(reference, in: place.name)?.digest }
  }

  private func remember(
    _ tag: Tag, _ manifest: Digest, _ place: MirroredRepository, for time: Duration
  ) throws {
    let new = FreshTag(manifest, in: place.name, until: .now + time, try connection(place))
    let former = fresh.withLock { fresh -> [FreshTag] in
      let name = MirroredName(repository: place.name, tag: tag)
      guard fresh.count >= Self.mostKnown else {
        return fresh.updateValue(new, forKey: name).map { [$0] } ?? []
      }
      defer { fresh = [name: new] }
      return Array(fresh.values)
    }
    takePulls(of: former)
  }

  /// When tags were given out, for `notePulls`.
  private func takePulls(of tags: some Sequence<FreshTag>) {
    for tag in tags {
      guard let time = tag.takePull() else { continue }
      pulls.withLock { $0[Pulled(repository: tag.repository, manifest: tag.manifest)] = time }
    }
  }

  // MARK: - What is not there

  private func checkIsNotMissing(
    _ reference: ManifestReference, _ place: MirroredRepository
  ) throws(UpstreamFailure) {
    let key = "\(place.name) \(reference)"
    let isMissing = missing.withLock { missing in
      guard let until = missing[key] else { return false }
      if until > .now { return true }
      missing[key] = nil
      return false
    }
    if isMissing {
      throw UpstreamFailure(.notFound, "\(place.remote) \(reference) was not there a moment ago")
    }
  }

  private func noting<Value>(
    _ reference: ManifestReference, _ place: MirroredRepository, _ body: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch let failure as UpstreamFailure where failure.kind == .notFound || failure.kind == .denied {
      missing.withLock { missing in
        if missing.count >= Self.mostKnown { missing = [:] }
        missing["\(place.name) \(reference)"] = .now + place.upstream.notFoundTTL
      }
      throw failure
    }
  }

  // MARK: - Blobs

  /// Sees to it that a blob comes.
  /// - Returns: nil if it is here now.
  /// - Throws: `UpstreamFailure`, `StorageError`
  public func blob(_ digest: Digest, in place: MirroredRepository) async throws -> BlobTransfer? {
    let key = "\(digest) \(place.name)"
    if transfers.withLock({ $0[key] == nil }),
      try await store.blocking({ [store] in try store.metadata.isPresent(digest) })
    {
      // Another repository has it. That this one may give it out is for its upstream to say, and for no manifest: whoever writes one
      // can name what is not his.
      _ = try await size(of: digest, in: place)
      if try await store.metadata.linkPresentBlob(digest, in: place.name) { return nil }
    }
    let (transfer, isNew) = transfers.withLock { transfers -> (BlobTransfer, Bool) in
      if let running = transfers[key] { return (running, false) }
      let new = BlobTransfer(digest)
      transfers[key] = new
      return (new, true)
    }
    if isNew {
      // It goes on whoever leaves.
      Task {
        await run(transfer, place)
        transfers.withLock { $0[key] = nil }
      }
    }
    return transfer
  }

  private func run(_ transfer: BlobTransfer, _ place: MirroredRepository) async {
    do {
      let connection = try connection(place)
      let size = try await connection.transfer { [store] in
        let digest = transfer.digest
        let session = try await store.uploadAtOnce(
          to: place.name, algorithm: digest.algorithm, writesBackEarly: false)
        let path = session.path
        try await session.append(filling: { next in
          let (reader, length) = try connection.registry.blob(digest, in: place.remote)
          try transfer.begin(path, size: length)
          while true {
            let count = try next(reader.read)
            if count == 0 { break }
            connection.count { $0.received += Int64(count) }
            transfer.received(count)
          }
        })
        let actual = try await session.digest(digest.algorithm)
        guard actual == digest else {
          await session.cancel()
          throw UpstreamFailure(.wrong, "what came for \(digest) has the digest \(actual)")
        }
        // Who waits for it need not wait for the disk.
        transfer.verified()
        return try await session.finish(as: digest)
      }
      transfer.stored(size: size)
    } catch {
      logger.error(
        "a blob did not come",
        metadata: [
          "upstream": "\(place.upstream.namespace)", "repository": "\(place.name)",
          "digest": "\(transfer.digest)", "error": "\(error)",
        ])
      switch error {
      case let error as UpstreamFailure: transfer.failed(error)
      case let error as StorageError: transfer.failed(error)
      default: transfer.failed(UpstreamFailure(.unavailable, "\(error)"))
      }
    }
  }

  /// The size of a blob that is not here; nil if the upstream does not say.
  /// - Throws: `UpstreamFailure`
  public func size(of digest: Digest, in place: MirroredRepository) async throws -> Int64? {
    let remote = place.remote
    return try await connection(place).ask { try $0.size(of: digest, in: remote) }
  }

  // MARK: - Lists

  /// The upstream's tags, in the order of their bytes.
  /// - Throws: `UpstreamFailure`
  public func tags(in place: MirroredRepository) async throws -> [Tag] {
    let remote = place.remote
    let names = try await connection(place).ask { try $0.tags(in: remote) }
    return names.compactMap { try? Tag(parsing: $0) }.sorted {
      $0.description.utf8.lexicographicallyPrecedes($1.description.utf8)
    }
  }

  /// What the upstream says refers to a manifest.
  /// - Throws: `UpstreamFailure`
  public func referrers(of digest: Digest, in place: MirroredRepository) async throws -> [Descriptor] {
    let remote = place.remote
    return try await connection(place).ask { try $0.referrers(of: digest, in: remote) }
  }

  // MARK: - In the background

  private static let interval = Duration.seconds(60)

  /// Notes what was pulled, and lets go what is too much, until the task is cancelled.
  public func run() async {
    while (try? await Task.sleep(for: Self.interval)) != nil { await tidy() }
    await notePulls()
  }

  func tidy() async {
    await notePulls()
    for upstream in list.upstreams {
      do {
        try await evict(upstream)
      } catch {
        logger.error(
          "cannot let go what an upstream gave",
          metadata: ["upstream": "\(upstream.namespace)", "error": "\(error)"])
      }
    }
  }

  func notePulls() async {
    takePulls(of: fresh.withLock { $0 }.values)
    let noted = pulls.withLock { pulls in
      defer { pulls = [:] }
      return pulls
    }
    guard !noted.isEmpty else { return }
    do {
      try await store.metadata.notePulls(noted.map { ($0.key.repository, $0.key.manifest, $0.value) })
    } catch {
      logger.warning("cannot note what was pulled", metadata: ["error": "\(error)"])
      pulls.withLock { $0.merge(noted) { newer, _ in newer } }
    }
  }
}
