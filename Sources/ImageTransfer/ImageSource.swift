import ContainerImage

/// Where an image is taken from.
///
/// Every function blocks its thread, and may be called by several threads at once.
public protocol ImageSource: Sendable {
  /// The manifest or index that the source's name means.
  /// - Throws: `TransferError`
  func root() throws -> ManifestDocument

  /// What the root is, where that is known without asking.
  var rootDigest: Digest? { get }

  /// A manifest that another one refers to.
  /// - Throws: `TransferError`
  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument

  /// A blob's bytes, not verified.
  /// - Parameter offset: of the first byte to read.
  /// - Throws: `TransferError`
  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader

  /// Whether it has a blob.
  /// - Throws: `TransferError`
  func has(_ blob: Descriptor) throws -> Bool

  /// The manifests whose subject is `digest`.
  /// - Throws: `TransferError`
  func referrers(of digest: Digest) throws -> [Descriptor]

  /// Repositories in which a blob may be, the most likely one first: a registry may take it from there, without its being sent.
  func origins(of blob: Descriptor) -> [QualifiedRepository]
}

extension ImageSource {
  public var rootDigest: Digest? { nil }

  public func has(_ blob: Descriptor) throws -> Bool {
    do {
      _ = try self.blob(blob, from: 0)
      return true
    } catch TransferError.notFound {
      return false
    }
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] { [] }

  public func origins(of blob: Descriptor) -> [QualifiedRepository] { [] }
}
