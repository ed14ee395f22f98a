import ContainerImage

/// What belongs to an image: its manifests and blobs, each once.
public struct CopyPlan: Sendable {
  /// What the destination's name is to mean.
  public private(set) var root: ManifestDocument
  /// Each after what it refers to; what refers to the image comes last.
  public private(set) var manifests: [ManifestDocument] = []
  /// In the order in which the manifests name them, unless whoever has the plan puts others first.
  public var blobs: [Descriptor] = []
  /// So many of the blobs are copied before the others are begun.
  public var firstBlobs = 0
  private var seen: Set<Digest> = []
  /// Manifests that the destination has.
  private var known: Set<Digest> = []
  /// Of all manifests.
  private var bytes = 0

  private let source: any ImageSource
  private let judge: (any ImageJudge)?
  private let needsAllBlobs: Bool
  private let platforms: [Platform]
  private let destination: (any ImageDestination)?
  private let check: @Sendable () throws -> Void

  /// More levels of indexes in indexes are not meant to be an image.
  private static let deepest = 8
  /// Manifests that belong to one image, and their bytes: all are in memory until they are sent.
  private static let (mostManifests, mostBytes) = (10_000, 256 << 20)

  /// Reads the image's manifests.
  /// - Parameters:
  ///   - options: which part of the image is meant, whether with what refers to it, and who judges it.
  ///   - takesIndexes: whether it may be for any number of platforms; else it is narrowed to one of them.
  ///   - needsAllBlobs: with the layers that a registry need not have (image-spec, "Non-Distributable Layers").
  ///   - destination: that may have some of it; nil if that is not to be asked.
  ///   - check: is called between the steps, and throws when the user stops it.
  /// - Throws: `TransferError`
  public init(
    of source: any ImageSource, _ options: ImageCopier.Options, takesIndexes: Bool = true,
    needsAllBlobs: Bool = false, over destination: (any ImageDestination)? = nil,
    check: @escaping @Sendable () throws -> Void = {}
  ) throws {
    self.source = source
    judge = options.judge
    self.needsAllBlobs = needsAllBlobs
    self.destination = destination
    self.check = check
    platforms = options.platforms
    if let digest = source.rootDigest, let there = try destination?.manifest(digest) {
      root = there
      known.insert(digest)
    } else {
      root = try source.root()
      if try destination?.manifest(root.digest) != nil { known.insert(root.digest) }
    }
    var refusal = try judge?.refusal(of: root)
    if let platform = options.platform ?? (takesIndexes ? nil : .current) {
      refusal = try narrow(to: platform, refusal: refusal)
    }
    try add(root, depth: 0, refusal: refusal)
    if options.includesReferrers { try addReferrers() }
  }

  /// Whether the destination has it.
  func isThere(_ document: ManifestDocument) -> Bool { known.contains(document.digest) }

  private mutating func load(_ descriptor: Descriptor) throws -> ManifestDocument {
    if let there = try destination?.manifest(descriptor.digest) {
      known.insert(descriptor.digest)
      return there
    }
    return try source.manifest(descriptor)
  }

  /// Makes the root the image for a platform.
  /// - Returns: why it is not trusted.
  private mutating func narrow(to platform: Platform, refusal: String?) throws -> String? {
    var refusal = refusal
    var parsed = try root.manifest()
    var depth = 0
    while parsed.kind == .index {
      guard depth < Self.deepest else { throw Self.tooDeep }
      root = try load(try ImageCopier.choose(platform, in: parsed))
      if refusal != nil { refusal = try judge?.refusal(of: root) }
      parsed = try root.manifest()
      depth += 1
    }
    return refusal
  }

  /// What refers to a referrer (a signature of an SBOM) comes along as well.
  private mutating func addReferrers() throws {
    var next = 0
    while next < manifests.count {
      for referrer in try source.referrers(of: manifests[next].digest) where !seen.contains(referrer.digest) {
        try add(try load(referrer), depth: 0, refusal: nil)
      }
      next += 1
    }
  }

  /// - Parameter refusal: why the document is not trusted. All that a trusted index lists is; what another one lists is judged
  ///   for itself.
  private mutating func add(_ document: ManifestDocument, depth: Int, refusal: String?) throws {
    try check()
    guard depth < Self.deepest else { throw Self.tooDeep }
    guard seen.insert(document.digest).inserted else { return }
    bytes += document.bytes.count
    guard manifests.count < Self.mostManifests, bytes <= Self.mostBytes else {
      throw TransferError.notAnImage(
        "the image has more than \(Self.mostManifests) manifests, or they have more than \(Self.mostBytes) bytes"
      )
    }
    let manifest = try document.manifest()
    if let refusal, manifest.manifests.isEmpty { throw TransferError.notTrusted(refusal) }
    for entry in try wanted(of: manifest, isRoot: depth == 0) {
      if entry.mediaType.isManifest || entry.mediaType.description.isEmpty {
        if !seen.contains(entry.digest) {
          let part = try load(entry)
          let refusal = refusal == nil ? nil : try judge?.refusal(of: part)
          try add(part, depth: depth + 1, refusal: refusal)
        }
      } else if let refusal {
        throw TransferError.notTrusted(refusal)
      } else {
        add(blob: entry)
      }
    }
    // A manifest that is there has its blobs, unless the destination may lack some.
    if !isThere(document) || destination?.mayLackBlobs != false {
      let required = Set(manifest.requiredBlobs.map(\.digest))
      for blob in manifest.blobs where needsAllBlobs || required.contains(blob.digest) { add(blob: blob) }
    }
    manifests.append(document)
  }

  /// What an index lists for BuildKit about another entry: provenance and SBOMs.
  private static let attestedAnnotation = "vnd.docker.reference.digest"

  /// The entries of an index that are to come.
  private func wanted(of index: Manifest, isRoot: Bool) throws(TransferError) -> [Descriptor] {
    guard !platforms.isEmpty, index.manifests.contains(where: { $0.platform != nil }) else {
      return index.manifests
    }
    var chosen: Set<Digest> = []
    var missing: TransferError?
    for platform in platforms {
      do throws(TransferError) {
        chosen.insert(try ImageCopier.choose(platform, in: index).digest)
      } catch {
        missing = error
      }
    }
    // Not every image is for all platforms that somebody has.
    if chosen.isEmpty, isRoot, let missing { throw missing }
    return index.manifests.filter { entry in
      if chosen.contains(entry.digest) || entry.platform == nil { return true }
      return entry.annotations?[Self.attestedAnnotation].map { text in
        chosen.contains { $0.description == text }
      } ?? false
    }
  }

  private mutating func add(blob: Descriptor) {
    if seen.insert(blob.digest).inserted { blobs.append(blob) }
  }

  private static var tooDeep: TransferError { .notAnImage("the image's indexes are nested too deeply") }
}
