import ContainerImage
import Synchronization

/// Copies an image with all that belongs to it.
///
/// Blocks are copied by several threads; a manifest follows all that it refers to, and the root comes last. Bytes of
/// manifests are never changed, so that digests stay what they are.
public struct ImageCopier: Sendable {
  public struct Options: Sendable {
    /// Of an index, only the image for this platform; nil for the whole index.
    public var platform: Platform?
    /// The index stays as it is, but of the images that it lists only those for these platforms come, with what the index has about
    /// them (attestations); empty for all. The destination has to take an index whose other images are missing.
    public var platforms: [Platform] = []
    /// With what refers to the image and its parts: signatures, SBOMs, attestations.
    public var includesReferrers = false
    /// Blobs that are copied at the same time; at least 1.
    public var jobs = 4
    /// Only finds out what would be copied.
    public var isDryRun = false
    /// What the destination says that it has (`ImageDestination.manifest`) is neither fetched nor sent.
    public var isIncremental = false
    /// The destination's name means the image already: only what belongs to it may be missing.
    public var isNamed = false
    /// Asked before anything is copied; nil if every image is to be taken. What refers to the image is not judged.
    public var judge: (any ImageJudge)?

    public init() {}
  }

  /// What was copied.
  public struct Report: Sendable, Equatable {
    /// What the destination's name means now.
    public var root: Descriptor
    /// All that belong to the image, whether they were sent or not; each after what it refers to.
    public var contents: [Digest] = []
    /// Manifests that were sent.
    public var manifests = 0
    /// Blobs that were sent, with their bytes.
    public var blobs = 0
    public var bytes: Int64 = 0
    /// Blobs that the destination had already.
    public var present = 0
  }

  public let source: any ImageSource
  public let destination: any ImageDestination
  public let options: Options
  private let progress: any CopyProgress
  private let isCancelled: @Sendable () -> Bool

  public init(
    from source: any ImageSource, to destination: any ImageDestination, _ options: Options = Options(),
    progress: any CopyProgress = SilentProgress(), isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.source = source
    self.destination = destination
    self.options = options
    self.progress = progress
    self.isCancelled = isCancelled
  }

  /// Blocks until the image is there. The destination is finished, or abandoned when this throws.
  /// - Throws: `TransferError`
  public func copy() throws -> Report {
    do {
      let plan = try plan()
      var report = Report(root: plan.root.descriptor)
      report.contents = plan.manifests.map(\.document.digest)
      report.manifests = plan.manifests.count { !$0.isThere }
      try copyBlobs(plan.blobs, &report)
      if !options.isDryRun {
        // Once the name means the image, its signatures have to be there.
        let namesRootAfterwards = plan.manifests.last?.isRoot != true
        for (document, isRoot, isThere) in plan.manifests where !isThere && (!isRoot || namesRootAfterwards) {
          try check()
          try destination.put(document, isRoot: false)
        }
        if !options.isNamed { try destination.put(plan.root, isRoot: true) }
        try destination.finish()
      }
      return report
    } catch {
      destination.abandon()
      throw error
    }
  }

  private func check() throws(TransferError) {
    if isCancelled() { throw .cancelled }
  }

  // MARK: What is to be copied

  private struct Plan {
    let root: ManifestDocument
    /// Each after what it refers to.
    var manifests: [(document: ManifestDocument, isRoot: Bool, isThere: Bool)] = []
    var blobs: [Descriptor] = []
    var seen: Set<Digest> = []
    /// Of the manifests.
    var bytes = 0
  }

  /// More levels of indexes in indexes are not meant to be an image.
  private static let deepest = 8
  /// Manifests that belong to one image, and their bytes: all are in memory until they are sent.
  private static let (mostManifests, mostBytes) = (10_000, 256 << 20)

  private func plan() throws -> Plan {
    var (root, isThere) = try loadRoot()
    var refusal = try options.judge?.refusal(of: root)
    var parsed = try root.manifest()
    if parsed.kind == .index, let platform = options.platform ?? (destination.takesIndexes ? nil : .current) {
      var depth = 0
      while parsed.kind == .index {
        guard depth < Self.deepest else {
          throw TransferError.notAnImage("the image's indexes are nested too deeply")
        }
        (root, isThere) = try load(try Self.choose(platform, in: parsed))
        if refusal != nil { refusal = try options.judge?.refusal(of: root) }
        parsed = try root.manifest()
        depth += 1
      }
    }
    var plan = Plan(root: root)
    try add(root, isRoot: true, isThere: isThere, depth: 0, refusal: refusal, to: &plan)
    if options.includesReferrers {
      // What refers to a referrer (a signature of an SBOM) comes along as well.
      var next = 0
      while next < plan.manifests.count {
        for referrer in try source.referrers(of: plan.manifests[next].document.digest)
        where !plan.seen.contains(referrer.digest) {
          let (document, isThere) = try load(referrer)
          try add(document, isRoot: false, isThere: isThere, depth: 0, refusal: nil, to: &plan)
        }
        next += 1
      }
    }
    return plan
  }

  private func loadRoot() throws -> (ManifestDocument, isThere: Bool) {
    guard options.isIncremental else { return (try source.root(), false) }
    if let digest = source.rootDigest, let known = try destination.manifest(digest) { return (known, true) }
    let root = try source.root()
    return (root, try destination.manifest(root.digest) != nil)
  }

  /// - Returns: whether the destination has it, too.
  private func load(_ descriptor: Descriptor) throws -> (ManifestDocument, isThere: Bool) {
    if options.isIncremental, let known = try destination.manifest(descriptor.digest) { return (known, true) }
    return (try source.manifest(descriptor), false)
  }

  /// - Parameters:
  ///   - isThere: whether the destination has it.
  ///   - refusal: why the document is not trusted. All that a trusted index lists is; what another one lists is judged
  ///     for itself.
  private func add(
    _ document: ManifestDocument, isRoot: Bool, isThere: Bool, depth: Int, refusal: String?,
    to plan: inout Plan
  ) throws {
    try check()
    guard depth < Self.deepest else {
      throw TransferError.notAnImage("the image's indexes are nested too deeply")
    }
    guard plan.seen.insert(document.digest).inserted else { return }
    plan.bytes += document.bytes.count
    guard plan.manifests.count < Self.mostManifests, plan.bytes <= Self.mostBytes else {
      throw TransferError.notAnImage(
        "the image has more than \(Self.mostManifests) manifests, or they have more than \(Self.mostBytes) bytes"
      )
    }
    let manifest = try document.manifest()
    if let refusal, manifest.manifests.isEmpty { throw TransferError.notTrusted(refusal) }
    for entry in try wanted(of: manifest) {
      if entry.mediaType.isManifest || entry.mediaType.description.isEmpty {
        if !plan.seen.contains(entry.digest) {
          let (part, isThere) = try load(entry)
          let refusal = refusal == nil ? nil : try options.judge?.refusal(of: part)
          try add(part, isRoot: false, isThere: isThere, depth: depth + 1, refusal: refusal, to: &plan)
        }
      } else if let refusal {
        throw TransferError.notTrusted(refusal)
      } else {
        add(blob: entry, to: &plan)
      }
    }
    // A manifest that is there has its blobs, unless the destination may lack some.
    if !isThere || destination.mayLackBlobs {
      let required = Set(manifest.requiredBlobs.map(\.digest))
      for blob in manifest.blobs where destination.needsAllBlobs || required.contains(blob.digest) {
        add(blob: blob, to: &plan)
      }
    }
    plan.manifests.append((document, isRoot, isThere))
  }

  /// What an index lists for BuildKit about another entry: provenance and SBOMs.
  private static let attestedAnnotation = "vnd.docker.reference.digest"

  /// The entries of an index that are to come.
  private func wanted(of index: Manifest) throws(TransferError) -> [Descriptor] {
    guard !options.platforms.isEmpty, index.manifests.contains(where: { $0.platform != nil }) else {
      return index.manifests
    }
    var chosen: Set<Digest> = []
    var missing: TransferError?
    for platform in options.platforms {
      do throws(TransferError) {
        chosen.insert(try Self.choose(platform, in: index).digest)
      } catch {
        missing = error
      }
    }
    // Not every image is for all platforms that somebody has.
    if chosen.isEmpty, let missing { throw missing }
    return index.manifests.filter { entry in
      if chosen.contains(entry.digest) || entry.platform == nil { return true }
      return entry.annotations?[Self.attestedAnnotation].map { text in
        chosen.contains { $0.description == text }
      } ?? false
    }
  }

  private func add(blob: Descriptor, to plan: inout Plan) {
    if plan.seen.insert(blob.digest).inserted { plan.blobs.append(blob) }
  }

  /// The entry of an index that serves a platform best.
  /// - Throws: `TransferError.notFound` with what there is instead.
  public static func choose(_ platform: Platform, in index: Manifest) throws(TransferError) -> Descriptor {
    var best: (rank: Int, entry: Descriptor)?
    for entry in index.manifests {
      guard let rank = entry.platform?.rank(for: platform) else { continue }
      if rank < best?.rank ?? .max { best = (rank, entry) }
    }
    if let best { return best.entry }
    // An index of one image that says nothing of platforms has no other choice.
    if index.manifests.count == 1, index.manifests[0].platform == nil { return index.manifests[0] }
    let known = index.manifests.compactMap { $0.platform?.description }.filter { $0 != "unknown/unknown" }
    throw .notFound(
      "the image has nothing for the platform \(platform)"
        + (known.isEmpty ? "" : ", only for \(known.joined(separator: ", ")): choose one with --platform"))
  }

  // MARK: Blobs

  private struct Work {
    var next = 0
    var report: Report
    var failure: (any Error)?
  }

  private func copyBlobs(_ blobs: [Descriptor], _ report: inout Report) throws {
    let work = Mutex(Work(report: report))
    progress.begin(blobs)
    defer { progress.end() }
    // Threads of their own: each is blocked most of the time.
    runThreads(min(options.jobs, blobs.count)) {
      while let blob = Self.next(work, blobs) {
        do {
          try copy(blob, work)
        } catch {
          work.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    let (result, failure) = work.withLock { ($0.report, $0.failure) }
    if let failure { throw failure }
    report = result
  }

  private static func next(_ work: borrowing Mutex<Work>, _ blobs: [Descriptor]) -> Descriptor? {
    work.withLock { work in
      guard work.failure == nil, work.next < blobs.count else { return nil }
      defer { work.next += 1 }
      return blobs[work.next]
    }
  }

  private func copy(_ blob: Descriptor, _ work: borrowing Mutex<Work>) throws {
    try check()
    if try destination.has(blob) {
      progress.isPresent(blob)
      return work.withLock { $0.report.present += 1 }
    }
    if !options.isDryRun {
      let content = BlobContent(blob, of: CheckedSource(source: source, isCancelled: isCancelled)) {
        position in
        progress.moved(blob, to: position)
      }
      try destination.put(blob, from: content)
    }
    progress.isDone(blob)
    work.withLock { work in
      work.report.blobs += 1
      work.report.bytes += blob.size
    }
  }
}

/// A source whose reading ends when the user stops the copy.
private struct CheckedSource: ImageSource {
  let source: any ImageSource
  let isCancelled: @Sendable () -> Bool

  var rootDigest: Digest? { source.rootDigest }
  func root() throws -> ManifestDocument { try source.root() }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try source.manifest(descriptor) }
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    StoppableReader(try source.blob(descriptor, from: offset), isCancelled: isCancelled)
  }
  func has(_ blob: Descriptor) throws -> Bool { try source.has(blob) }
  var origin: (registry: String, repository: RepositoryName)? { source.origin }
}
