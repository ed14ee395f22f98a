import Archive
import ContainerImage
import ImageTransfer

#if canImport(Glibc)
  import Glibc
#endif

/// An image that an `ImageImport` has made, as a source. It is in a staging layout, which goes when the source does.
public final class ImportSource: ImageSource {
  private let staging: StagingArea
  private let source: LayoutSource

  /// Makes the image, which takes as long as reading it all.
  /// - Parameters:
  ///   - cache: such as `~/.cache`: where the image is until it is copied.
  ///   - limits: of what the archive may have.
  ///   - isCancelled: whether the user stopped it.
  /// - Throws: `TransferError`; nothing is left then.
  public init(
    _ importing: any ImageImport, cache: String, limits: UnpackLimits = UnpackLimits(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws {
    // Of this import alone: another one may be of the same file, which may have changed.
    let staging = try StagingArea(
      for: "\(importing.description) \(getpid()) \(UInt64.random(in: .min ... .max))", cache: cache)
    do {
      let layout = OCILayout(path: staging.path, shownAs: importing.description)
      let name = try importing.fill(layout, limits: limits) {
        if isCancelled() { throw TransferError.cancelled }
      }
      source = LayoutSource(layout, name: name)
      self.staging = staging
    } catch {
      staging.remove()
      guard let error = error as? ArchiveError else { throw error }
      throw error.transferError
    }
  }

  deinit { staging.remove() }

  public func root() throws -> ManifestDocument { try source.root() }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    try source.manifest(descriptor)
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    try source.blob(descriptor, from: offset)
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] { try source.referrers(of: digest) }
}
