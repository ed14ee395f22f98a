import ContainerImage
import ImageTransfer
import Trust

/// The signatures that are with an image in another place than a registry: those that refer to it, and the files
/// `signature-<n>` of skopeo's `dir:`.
public struct SourceSignatures: SignatureSource, Sendable {
  private let source: any ImageSource

  public init(_ source: any ImageSource) { self.source = source }

  public func manifest(_ reference: ManifestReference) throws -> Manifest? {
    // None but manifests that refer to the image are asked for by digest.
    guard case .digest(let digest) = reference else { return nil }
    do {
      let descriptor = Descriptor(mediaType: .ociImageManifest, digest: digest, size: 0)
      return try source.manifest(descriptor).manifest()
    } catch TransferError.notFound {
      return nil
    } catch TransferError.notAnImage {
      return nil
    }
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] {
    Array(try source.referrers(of: digest).prefix(SignatureDiscovery.mostReferrers))
  }

  public func blob(_ descriptor: Descriptor, atMost limit: Int) throws -> [UInt8]? {
    do {
      return try descriptor.contents(from: source, atMost: limit)
    } catch TransferError.notFound {
      return nil
    }
  }

  public func simpleSignatures(of digest: Digest) throws -> [[UInt8]] {
    guard let directory = source as? DirectorySource, try directory.root().digest == digest else { return [] }
    return try directory.signatures()
  }
}
