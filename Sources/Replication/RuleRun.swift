import ContainerImage
import ImageTransfer
import Logging
import Storage
import Synchronization

/// One run of a rule: finds out what is not at the destination as it is at the source, and brings it there, several tags at a time.
/// Blocks its thread for as long as that takes.
final class RuleRun: Sendable {
  private let rule: ReplicationRule
  private let source: any ReplicationPlace
  private let target: any ReplicationPlace
  private let store: ContentStore
  private let targetName: @Sendable (RepositoryName) throws -> RepositoryName
  private let isCancelled: @Sendable () -> Bool
  private let progress: @Sendable (ReplicationRun) -> Void
  private let logger: Logger
  private let isDryRun: Bool
  private let turns = Turns<SharedDestination.Work>()
  private let digestTurns = Turns<Digest>()
  private let shared: Mutex<ReplicationReport>
  /// Of images, one after another.
  private let failures = Atomic<Int>(0)

  /// - Parameters:
  ///   - report: to begin with.
  ///   - targetName: where a source's repository goes.
  ///   - progress: is told how far it is.
  init(
    _ rule: ReplicationRule, from source: any ReplicationPlace, to target: any ReplicationPlace,
    store: ContentStore, report: ReplicationReport,
    targetName: @escaping @Sendable (RepositoryName) throws -> RepositoryName,
    isCancelled: @escaping @Sendable () -> Bool, progress: @escaping @Sendable (ReplicationRun) -> Void,
    logger: Logger
  ) {
    self.rule = rule
    self.source = source
    self.target = target
    self.store = store
    self.targetName = targetName
    self.isCancelled = isCancelled
    self.progress = progress
    self.logger = logger
    isDryRun = report.isDryRun
    shared = Mutex(report)
  }

  /// What was done so far.
  var report: ReplicationReport { shared.withLock { $0 } }

  /// - Throws: `TransferError` if it cannot go on at all, or was stopped.
  func perform() throws {
    let repositories = try chosenRepositories()
    for repository in repositories {
      try check()
      do {
        try replicate(repository)
      } catch TransferError.cancelled {
        throw TransferError.cancelled
      } catch {
        fail("\(repository)", "", error)
      }
      try checkPlaces()
    }
    // A list that somebody may not see, or that did not come, says nothing of what is not on it.
    if rule.deletions == .unselected, !repositories.isEmpty, report.run.failed == 0 {
      try removeSources(but: Set(repositories.map(sourceName)))
    }
  }

  private func check() throws(TransferError) {
    if isCancelled() { throw .cancelled }
  }

  /// So many images that fail one after another are not each one's own fault.
  private static let mostFailures = 20

  private func checkPlaces() throws(TransferError) {
    try source.checkReachable()
    try target.checkReachable()
    if failures.load(ordering: .relaxed) >= Self.mostFailures {
      throw .failed(
        "it ends here, for \(Self.mostFailures) images failed one after another: \(report.run.failure ?? "")")
    }
  }

  /// Where a repository is, for the database.
  private func sourceName(_ repository: RepositoryName) -> String {
    source.registry.isEmpty ? "\(repository)" : "\(source.registry)/\(repository)"
  }

  private func add(_ entry: ReplicationReport.Entry) {
    progress(
      shared.withLock { report in
        report.add(entry)
        return report.run
      })
  }

  private func fail(_ from: String, _ to: String, _ error: any Error, digest: Digest? = nil) {
    logger.warning(
      "cannot replicate", metadata: ["rule": "\(rule.name)", "image": "\(from)", "error": "\(error)"])
    add(.init(action: .failed, source: from, target: to, digest: digest, failure: "\(error)"))
  }

  /// Names are taken as they are; for patterns the source is asked which repositories it has.
  private func chosenRepositories() throws -> [RepositoryName] {
    var chosen = rule.repositories.compactMap(\.name)
    let wild = rule.repositories.filter { $0.name == nil }
    if !wild.isEmpty {
      let known = Set(chosen)
      let found = try source.repositories().filter { name in
        !known.contains(name) && wild.contains { $0.matches(name) }
      }
      if found.isEmpty {
        let note = "no repository is like \(wild.map(\.description).joined(separator: ", "))"
        shared.withLock { $0.notes.append(note) }
      }
      chosen += found
    }
    return chosen
  }

  // MARK: - A repository

  private final class Work: Sendable {
    let repository: RepositoryName
    let target: RepositoryName
    /// What the rule brought before, by the source's tag.
    let known: [String: ReplicatedTag]
    /// Of the source.
    let tags: Set<Tag>
    /// Tags that cosign and others make of an image's digest, by that.
    let digestTags: [String: [Tag]]
    /// Such tags that were looked at.
    private let visited = Mutex<Set<Tag>>([])
    private let upToDate = Mutex<[Tag]>([])

    init(_ repository: RepositoryName, to target: RepositoryName, _ known: [ReplicatedTag], _ tags: [Tag]) {
      self.repository = repository
      self.target = target
      self.known = Dictionary(known.map { ($0.tag, $0) }, uniquingKeysWith: { $1 })
      self.tags = Set(tags)
      digestTags = Dictionary(
        grouping: tags.filter { $0.attachedTo != nil }, by: { $0.attachedTo ?? "" })
    }

    /// - Returns: whether it is the first time.
    func visit(_ tag: Tag) -> Bool { visited.withLock { $0.insert(tag).inserted } }
    /// It is as it was.
    func confirm(_ tag: Tag) { upToDate.withLock { $0.append(tag) } }
    var confirmed: [Tag] { upToDate.withLock { $0 } }
    func hasVisited(_ tag: Tag) -> Bool { visited.withLock { $0.contains(tag) } }
  }

  private func replicate(_ repository: RepositoryName) throws {
    let name = try targetName(repository)
    let all = try source.tags(in: repository)
    let known = try translating {
      try store.metadata.replicatedTags(by: rule.name, from: sourceName(repository))
    }.filter { $0.target == name && $0.targetRegistry == target.registry }
    let work = Work(repository, to: name, known, all)
    let chosen = rule.tags.chosen(from: all.filter { !$0.isMadeOfDigest }, in: repository)
    if chosen.isEmpty, !all.isEmpty {
      let note = "\(repository) has \(all.count) tags, and the rule chooses none of them"
      shared.withLock { $0.notes.append(note) }
    }
    let jobs = min(source.questions, target.questions)
    let results = try ConcurrentWork.map(chosen, jobs: jobs) { [self] tag in
      Result {
        try check()
        // Some other tag may have found out.
        try checkPlaces()
        try replicate(tag, work)
      }
    }
    try noteConfirmed(work)
    for result in results { try result.get() }
    let chosenTags = Set(chosen)
    try remove(work.known.values.filter { isToGo($0, chosen: chosenTags, work) })
  }

  /// Tags are given out for as long as they were checked not long ago.
  private func noteConfirmed(_ work: Work) throws {
    let tags = work.confirmed
    guard target.registry.isEmpty, !tags.isEmpty, !isDryRun else { return }
    let now = secondsSince1970()
    for start in stride(from: 0, to: tags.count, by: 500) {
      let some = Array(tags[start..<min(start + 500, tags.count)])
      try waiting { [store] in try await store.metadata.noteChecked(some, in: work.target, at: now) }
    }
  }

  /// What has to be the same for a tag to be up to date.
  private func state(of digest: Digest) -> String {
    let narrowed = rule.platforms.map(\.description) + (rule.platform.map { ["only \($0)"] } ?? [])
    return ([digest.description] + narrowed).joined(separator: " ")
  }

  /// - Throws: `TransferError.cancelled`
  private func replicate(_ tag: Tag, _ work: Work) throws {
    let (from, to) = ("\(work.repository):\(tag)", "\(work.target):\(tag)")
    var digest: Digest?
    do {
      digest = try source.digest(of: tag, in: work.repository, isListed: true)
      // It went meanwhile.
      guard let digest else { return }
      progress(
        shared.withLock { report in
          report.run.checked += 1
          return report.run
        })
      try replicate(tag, digest, from, to, work)
      failures.store(0, ordering: .relaxed)
    } catch TransferError.cancelled {
      throw TransferError.cancelled
    } catch {
      failures.add(1, ordering: .relaxed)
      fail(from, to, error, digest: digest)
    }
  }

  private func replicate(_ tag: Tag, _ digest: Digest, _ from: String, _ to: String, _ work: Work) throws {
    let there = try target.digest(of: tag, in: work.target, isListed: false)
    let known = work.known[tag.description]
    let isKnown = known.map { $0.sourceState == state(of: digest) && $0.targetDigest == there } ?? false
    let isPartial = target.mayBePartial(work.target)
    let isNamed = isKnown || (rule.platform == nil && there == digest)
    // Of what was brought whole nothing more is to be found out, unless something may refer to it by now.
    if isKnown, !isPartial, !rule.referrers { return work.confirm(tag) }
    var entry = ReplicationReport.Entry(
      action: isNamed ? .refresh : there == nil ? .copy : .update, source: from, target: to, digest: digest)
    if isDryRun {
      _ = try target.destination(tag, in: work.target, isSparse: !rule.platforms.isEmpty)
      if !isNamed { add(entry) }
      return
    }
    // A registry may want an image's signatures before its tag.
    var sent = try copyDigestTags(of: [digest], work, &entry)
    let copied = try copy(tag, digest, work, isNamed: isNamed, referrers: rule.referrers)
    entry.blobs += Int64(copied.blobs)
    entry.bytes += copied.bytes
    sent = try copyDigestTags(of: copied.contents, work, &entry) || sent || copied.manifests > 0
    if isKnown {
      work.confirm(tag)
    } else {
      try note(tag, digest, copied.root.digest, work, isBrought: !isNamed || known?.isBrought == true)
    }
    guard !isNamed || sent || copied.blobs > 0 else { return }
    add(entry)
    logger.info(
      "replicated",
      metadata: [
        "rule": "\(rule.name)", "image": "\(to)", "digest": "\(copied.root.digest)",
        "bytes": "\(entry.bytes)",
      ])
  }

  private func copy(
    _ tag: Tag, _ digest: Digest, _ work: Work, isNamed: Bool, referrers: Bool
  ) throws -> ImageCopier.Report {
    var options = ImageCopier.Options()
    options.platform = rule.platform
    options.platforms = rule.platforms
    options.includesReferrers = referrers
    options.isIncremental = true
    options.isNamed = isNamed
    let destination = try target.destination(tag, in: work.target, isSparse: !rule.platforms.isEmpty)
    return try ImageCopier(
      from: try source.source(tag, digest, in: work.repository, tags: work.tags),
      to: SharedDestination(destination, in: work.target, taking: turns, from: source, to: target), options,
      isCancelled: isCancelled
    ).copy()
  }

  /// Brings what is found of images by tags that are made of their digests, such as cosign's signatures.
  /// - Returns: whether anything was sent.
  private func copyDigestTags(
    of digests: [Digest], _ work: Work, _ entry: inout ReplicationReport.Entry
  ) throws -> Bool {
    guard rule.referrers else { return false }
    var sent = false
    for image in digests {
      guard let tags = work.digestTags["\(image.algorithm.rawValue)-\(image.encoded)"] else { continue }
      // Another tag of the same image waits until they are there.
      try digestTurns.with(image) {
        for tag in tags where work.visit(tag) {
          try check()
          sent = try copyDigestTag(tag, work, &entry) || sent
        }
      }
    }
    return sent
  }

  private func copyDigestTag(
    _ tag: Tag, _ work: Work, _ entry: inout ReplicationReport.Entry
  ) throws -> Bool {
    guard let digest = try source.digest(of: tag, in: work.repository, isListed: true) else { return false }
    let known = work.known[tag.description]
    let isNamed = try target.digest(of: tag, in: work.target, isListed: false) == digest
    if !isNamed {
      let copied = try copy(tag, digest, work, isNamed: false, referrers: false)
      entry.blobs += Int64(copied.blobs)
      entry.bytes += copied.bytes
    }
    if known?.targetDigest != digest {
      try note(tag, digest, digest, work, isBrought: !isNamed || known?.isBrought == true)
    }
    return !isNamed
  }

  private func note(
    _ tag: Tag, _ digest: Digest, _ result: Digest, _ work: Work, isBrought: Bool
  ) throws {
    let now = secondsSince1970()
    let replicated = ReplicatedTag(
      rule: rule.name, source: sourceName(work.repository), tag: tag.description,
      sourceState: state(of: digest), targetRegistry: target.registry, target: work.target, targetTag: tag,
      targetDigest: result, isBrought: isBrought, copiedAt: now)
    try waiting { [store, source] in
      try await store.metadata.keep(replicated, from: source.registry)
    }
  }

  // MARK: - What goes

  /// Whether what is known of a tag is to be forgotten, and the tag deleted if the rule says so.
  private func isToGo(_ known: ReplicatedTag, chosen: Set<Tag>, _ work: Work) -> Bool {
    guard let tag = try? Tag(parsing: known.tag), work.tags.contains(tag) else { return true }
    // Which of the others belong to no image any more is not known if an image could not be looked at.
    guard rule.deletions == .unselected, !tag.isMadeOfDigest || report.run.failed == 0 else { return false }
    return !(tag.isMadeOfDigest ? isDryRun || work.hasVisited(tag) : chosen.contains(tag))
  }

  /// What came from repositories that the rule is not for any more.
  private func removeSources(but current: Set<String>) throws {
    let sources = try translating { try store.metadata.replicatedSources(by: rule.name) }
    for source in sources where !current.contains(source) {
      try remove(try translating { try store.metadata.replicatedTags(by: rule.name, from: source) })
    }
  }

  private func remove(_ tags: [ReplicatedTag]) throws {
    for known in tags.sorted(by: { $0.tag < $1.tag }) {
      try check()
      let (from, to) = ("\(known.source):\(known.tag)", "\(known.target):\(known.targetTag)")
      do {
        // What somebody else put in its place stays.
        let isOurs =
          try rule.deletions != .never && known.isBrought && known.targetRegistry == target.registry
          && target.digest(of: known.targetTag, in: known.target, isListed: false) == known.targetDigest
        if !isDryRun {
          if isOurs { try target.delete(known.targetTag, in: known.target) }
          try waiting { [store] in try await store.metadata.forget(known, wasDeleted: isOurs) }
        }
        if isOurs {
          add(.init(action: .delete, source: from, target: to, digest: known.targetDigest))
        }
      } catch TransferError.cancelled {
        throw TransferError.cancelled
      } catch {
        fail(from, to, error, digest: known.targetDigest)
      }
    }
  }
}
