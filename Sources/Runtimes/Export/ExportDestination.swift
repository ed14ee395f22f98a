import Archive
import ContainerImage
import ImageTransfer
import Synchronization

/// A destination that takes an image into a staging layout, and has an `ImageExport` make something else of it when it is
/// complete. The staging layout stays when the copy is interrupted, and the next one to the same place goes on with it.
public final class ExportDestination: ImageDestination {
  private let export: any ImageExport
  private let staging: StagingArea
  private let layout: LayoutDestination
  private let root = Mutex<ManifestDocument?>(nil)
  private let limits: UnpackLimits
  private let isCancelled: @Sendable () -> Bool
  private let note: @Sendable (String) -> Void

  /// - Parameters:
  ///   - staging: for this destination alone.
  ///   - limits: of what the image's layers may have.
  ///   - isCancelled: whether the user stopped it.
  ///   - note: is told what the user should know of the result.
  /// - Throws: `TransferError` if the place cannot take the image.
  public init(
    _ export: any ImageExport, staging: StagingArea, limits: UnpackLimits = UnpackLimits(),
    isCancelled: @escaping @Sendable () -> Bool = { false }, note: @escaping @Sendable (String) -> Void
  ) throws {
    self.export = export
    self.staging = staging
    self.limits = limits
    self.isCancelled = isCancelled
    self.note = note
    try export.check()
    layout = try LayoutDestination(OCILayout(path: staging.path), name: nil)
  }

  public var takesIndexes: Bool { false }
  public var needsAllBlobs: Bool { true }

  public func has(_ blob: Descriptor) throws -> Bool { try layout.has(blob) }

  public func put(_ blob: Descriptor, from source: BlobContent) throws { try layout.put(blob, from: source) }

  public func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    try layout.put(manifest, isRoot: isRoot)
    if isRoot { root.withLock { $0 = manifest } }
  }

  public func finish() throws {
    guard let root = root.withLock({ $0 }) else { return }
    do {
      let image = try StagedImage(
        LayoutSource(layout.layout, name: nil), root: root, limits: limits, isCancelled: isCancelled)
      for sentence in try export.export(image) { note(sentence) }
    } catch let error as ArchiveError {
      throw error.transferError
    }
    staging.remove()
  }

  public func abandon() { layout.abandon() }
}

extension ArchiveError {
  var transferError: TransferError {
    switch self {
    case .wrongDiffID(let expected, let actual):
      .wrongContent(expected, reason: "uncompressed, the layer has the digest \(actual)")
    case .notAnArchive, .damaged, .refused: .notAnImage("\(self)")
    case .overLimit(.bytes): .failed("\(self): raise it with --max-unpacked if you trust the image")
    case .overLimit(.entries): .failed("\(self): raise it with --max-entries if you trust the image")
    case .tooLarge, .failed: .failed("\(self)")
    }
  }
}
