import ContainerImage

/// A repository in which signatures are looked for: of this registry, or of another one.
public protocol SignatureSource {
  /// - Returns: nil if it is not there.
  func manifest(_ reference: ManifestReference) throws -> Manifest?

  /// The manifests that name `digest` as their subject, at most `SignatureDiscovery.mostReferrers`.
  func referrers(of digest: Digest) throws -> [Descriptor]

  /// - Returns: nil if it is not there, or has more bytes than `limit`.
  func blob(_ descriptor: Descriptor, atMost limit: Int) throws -> [UInt8]?

  /// Signatures of simple signing, which are in no manifest.
  func simpleSignatures(of digest: Digest) throws -> [[UInt8]]
}
