import ContainerImage

/// Where an image is brought to.
///
/// The blobs and manifests of an image come before what refers to them, so that it is complete at every moment; the
/// last call is `finish` or `abandon`. Every function blocks its thread; `has`, `put(_:from:)` and `put(_:)` may be
/// called by several threads at once.
public protocol ImageDestination: Sendable {
  /// Whether it takes any number of platforms; otherwise an index is narrowed to one of them.
  var takesIndexes: Bool { get }

  /// Whether it needs the layers, too, that a registry need not have (image-spec, "Non-Distributable Layers").
  var needsAllBlobs: Bool { get }

  /// Whether manifests that it has may lack blobs that they need: these are asked for one by one then.
  var mayLackBlobs: Bool { get }

  /// A manifest that it has already; nil if it has not, or cannot say so.
  /// - Throws: `TransferError`
  func manifest(_ digest: Digest) throws -> ManifestDocument?

  /// Whether it has the blob, whole, so that it need not be sent.
  /// - Throws: `TransferError`
  func has(_ blob: Descriptor) throws -> Bool

  /// Takes a blob. Nothing of it stays unless its length and digest are right.
  /// - Parameter source: gives the content, from any offset and as often as it takes.
  /// - Throws: `TransferError`
  func put(_ blob: Descriptor, from source: BlobContent) throws

  /// Takes a manifest or index.
  /// - Parameter isRoot: whether it is the one that the destination's name is to mean.
  /// - Throws: `TransferError`
  func put(_ manifest: ManifestDocument, isRoot: Bool) throws

  /// All is there: makes the image what the destination's name means.
  /// - Throws: `TransferError`
  func finish() throws

  /// It will not be complete: leaves the destination as it was.
  func abandon()
}

extension ImageDestination {
  public var mayLackBlobs: Bool { true }

  public func manifest(_ digest: Digest) throws -> ManifestDocument? { nil }
}

/// A blob to be had from a source.
public struct BlobContent: Sendable {
  private let source: any ImageSource
  public let descriptor: Descriptor
  private let progress: (@Sendable (Int64) -> Void)?

  public init(
    _ descriptor: Descriptor, of source: any ImageSource,
    progress: (@Sendable (_ bytesSoFar: Int64) -> Void)? = nil
  ) {
    self.descriptor = descriptor
    self.source = source
    self.progress = progress
  }

  /// Repositories in which it may be, see `ImageSource`.
  public var origins: [QualifiedRepository] { source.origins(of: descriptor) }

  /// Whether the source really has it, and not only says its digest.
  public func isThere() throws -> Bool { try source.has(descriptor) }

  /// The bytes from `offset` on, not verified.
  public func reader(from offset: Int64 = 0) throws -> any BlobReader {
    let reader = try source.blob(descriptor, from: offset)
    guard let progress else { return reader }
    return ProgressReader(reader, from: offset, progress)
  }
}

/// Tells how far a reader is.
private final class ProgressReader: BlobReader {
  private let reader: any BlobReader
  private var position: Int64
  private let progress: @Sendable (Int64) -> Void

  init(_ reader: any BlobReader, from offset: Int64, _ progress: @escaping @Sendable (Int64) -> Void) {
    self.reader = reader
    position = offset
    self.progress = progress
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try reader.read(into: buffer)
    position += Int64(count)
    progress(position)
    return count
  }
}
