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
    /// All manifests that belong to the image, whether they were sent or not; each after what it refers to.
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
  public func copy() throws -> Report { try copy(try plan()) }

  /// What is to be copied. The destination is abandoned when this throws.
  /// - Throws: `TransferError`
  public func plan() throws -> CopyPlan {
    do {
      return try CopyPlan(
        of: source, options, takesIndexes: destination.takesIndexes, needsAllBlobs: destination.needsAllBlobs,
        over: options.isIncremental ? destination : nil
      ) { [isCancelled] in
        if isCancelled() { throw TransferError.cancelled }
      }
    } catch {
      destination.abandon()
      throw error
    }
  }

  /// Copies what `plan` found, the blobs in its order.
  /// - Throws: `TransferError`
  public func copy(_ plan: CopyPlan) throws -> Report {
    do {
      var report = Report(root: plan.root.descriptor)
      report.contents = plan.manifests.map(\.digest)
      report.manifests = plan.manifests.count { !plan.isThere($0) }
      try copyBlobs(of: plan, &report)
      if !options.isDryRun {
        // Once the name means the image, its signatures have to be there.
        let namesRootAfterwards = plan.manifests.last?.digest != plan.root.digest
        for document in plan.manifests where !plan.isThere(document) {
          try check()
          let isRoot = document.digest == plan.root.digest
          if !isRoot || namesRootAfterwards { try destination.put(document, isRoot: false) }
        }
        if !options.isNamed || !plan.isThere(plan.root) { try destination.put(plan.root, isRoot: true) }
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

  private func copyBlobs(of plan: CopyPlan, _ report: inout Report) throws {
    let counts = Mutex(report)
    progress.begin(plan.blobs)
    defer { progress.end() }
    for blobs in [plan.blobs.prefix(plan.firstBlobs), plan.blobs.dropFirst(plan.firstBlobs)] {
      try ConcurrentWork.forEach(Array(blobs), jobs: options.jobs) { try copy($0, counts) }
    }
    report = counts.withLock { $0 }
  }

  private func copy(_ blob: Descriptor, _ counts: borrowing Mutex<Report>) throws {
    try check()
    if try destination.has(blob) {
      progress.isPresent(blob)
      return counts.withLock { $0.present += 1 }
    }
    if !options.isDryRun {
      let content = BlobContent(blob, of: CheckedSource(source: source, isCancelled: isCancelled)) {
        position in
        progress.moved(blob, to: position)
      }
      try destination.put(blob, from: content)
    }
    progress.isDone(blob)
    counts.withLock { report in
      report.blobs += 1
      // A manifest may say any size of what is not fetched.
      report.bytes &+= blob.size
    }
  }
}

/// A source whose reading ends when the user stops the copy.
private struct CheckedSource: ImageSource {
  let source: any ImageSource
  let isCancelled: @Sendable () -> Bool

  func root() throws -> ManifestDocument { try source.root() }
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument { try source.manifest(descriptor) }
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    StoppableReader(try source.blob(descriptor, from: offset), isCancelled: isCancelled)
  }
  var rootDigest: Digest? { source.rootDigest }
  func has(_ blob: Descriptor) throws -> Bool { try source.has(blob) }
  func origins(of blob: Descriptor) -> [QualifiedRepository] { source.origins(of: blob) }
}
