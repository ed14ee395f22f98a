import ContainerImage
import ImageTransfer
import Trust

/// The signatures of the images in a repository of a registry: in the repository itself, behind the API's extension where
/// the registry has it, else in the user's lookaside, as Podman and skopeo go about it.
public struct RemoteSignatures: SignatureSource, Sendable {
  let repository: RemoteRepository
  let lookaside: Lookaside

  public func manifest(_ reference: ManifestReference) throws -> Manifest? {
    do {
      return try repository.manifest(reference).manifest()
    } catch TransferError.notFound {
      return nil
    } catch TransferError.notAnImage {
      // Nothing that could be a signature.
      return nil
    }
  }

  public func referrers(of digest: Digest) throws -> [Descriptor] {
    Array(try repository.referrers(of: digest).prefix(SignatureDiscovery.mostReferrers))
  }

  public func blob(_ descriptor: Descriptor, atMost limit: Int) throws -> [UInt8]? {
    do {
      return try descriptor.contents(from: RegistrySource(repository), atMost: limit)
    } catch TransferError.notFound {
      return nil
    }
  }

  public func simpleSignatures(of digest: Digest) throws -> [[UInt8]] {
    try repository.storedSignatures(of: digest) ?? lookaside.signatures(of: digest)
  }

  /// Keeps a signature of simple signing: in the registry if it takes some, else in the lookaside.
  /// - Returns: where it is now, in words for the user.
  public func add(simpleSignature message: [UInt8], of digest: Digest) throws -> String {
    if try repository.storeSignature(message, of: digest) { return "in the registry" }
    return try lookaside.add(message, of: digest)
  }
}
