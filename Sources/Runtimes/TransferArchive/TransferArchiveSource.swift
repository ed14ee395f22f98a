import ContainerImage
import ImageTransfer

/// An image of a transfer archive, as a source: `archive:FILE:NAME`.
public struct TransferArchiveSource: ImageSource {
  public let archive: TransferArchive
  /// In the archive; nil for the only image.
  public let name: String?
  private let places: @Sendable (Descriptor) -> [QualifiedRepository]

  /// - Parameter places: where at the destination a blob may be, beside the repository that it is copied to.
  public init(
    _ archive: TransferArchive, named name: String?,
    places: @escaping @Sendable (Descriptor) -> [QualifiedRepository] = { _ in [] }
  ) {
    self.archive = archive
    self.name = name
    self.places = places
  }

  public func root() throws -> ManifestDocument { try manifest(try archive.entry(named: name)) }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    try archive.manifest(descriptor)
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    if let reader = try archive.blob(descriptor, from: offset) { return reader }
    let image = name.map { " of \($0)" } ?? ""
    guard let omitted = archive.omitted[descriptor.digest] else {
      throw TransferError.notFound("\(archive.shown) lacks the blob \(descriptor.digest)\(image)")
    }
    let known = omitted.repositories.first.map { ", for \($0) was said to have it" } ?? ""
    throw TransferError.notFound(
      "the blob \(descriptor.digest)\(image) was left out of \(archive.shown)\(known); but the destination has it neither "
        + "there nor where the image goes: make the archive again, with a newer inventory of the destination "
        + "('kontor inventory') or without --since, or import first what was brought before")
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] { try archive.referrers(of: digest) }

  public func origins(of blob: Descriptor) -> [QualifiedRepository] { places(blob) }
}
