import AppContainer
import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer
import Storage
import Trust

/// Which App Container Images the registry takes: those that are valid, say what they are, and are signed as asked for.
public struct ACIAcceptance: Sendable {
  /// The keys whose signatures count for an image's name; none, for a name that nobody vouches for.
  public var trustedKeys: @Sendable (ACIdentifier) throws -> OpenPGPKeyring = { _ in OpenPGPKeyring() }
  /// Whether an image is refused that comes without a signature by one of them.
  public var requiresSignatures = false
  private let store: ContentStore

  public init(store: ContentStore) { self.store = store }

  /// A signature's file has at most so many bytes.
  public static let largestSignature = OpenPGPKeyring.maximumSignatureSize

  /// Looks at a manifest that is about to be stored. Of an artifact that holds an ACI, the whole image is read; others are not
  /// looked at.
  /// - Throws: `ACIRefusal`, `StorageError`
  public func admit(_ manifest: Manifest, to repository: RepositoryName) async throws {
    guard manifest.artifactType == ACIArtifact.artifactType else { return }
    do {
      guard let artifact = try ACIArtifact(manifest) else { return }
      // What is missing is refused with all else that is missing.
      let isThere = try await store.blocking { [store] in
        try store.metadata.blob(artifact.image.digest, in: repository) != nil
          && (artifact.signature.map { try store.metadata.blob($0.digest, in: repository) != nil } ?? true)
      }
      if isThere { try await onThreadOfItsOwn { try admit(artifact) } }
    } catch {
      throw Self.refusal(error)
    }
  }

  private func admit(_ artifact: ACIArtifact) throws {
    let summary = try ACIReader.summary(of: StoredBlobReader(artifact.image.digest, in: store.blobs))
    let own = try ACIArtifact(
      summary, image: artifact.image, signature: artifact.signature, subject: artifact.subject)
    let isItself =
      (own.name, own.imageID, own.labels, own.manifest.digest)
      == (artifact.name, artifact.imageID, artifact.labels, artifact.manifest.digest)
    guard isItself else {
      throw ACIRefusal.invalid("the artifact's config or annotations are not those of the image it holds")
    }
    var signature: [UInt8]?
    if let descriptor = artifact.signature {
      signature = try StoredBlobReader.contents(
        of: descriptor.digest, in: store.blobs, atMost: Self.largestSignature)
      if signature == nil {
        throw ACIRefusal.invalid("the signature has more than \(Self.largestSignature) bytes")
      }
    }
    _ = try check(signature, of: artifact.name) {
      try StoredBlobReader(artifact.image.digest, in: store.blobs)
    }
  }

  /// Verifies an image's signature, if one is there or has to be. Blocks on the disk.
  /// - Parameter open: gives the image's file from its start.
  /// - Returns: whether it was verified: not where no key is trusted for the name.
  /// - Throws: `ACIRefusal.notTrusted`, `.invalid`, `StorageError`
  func check(_ signature: [UInt8]?, of name: ACIdentifier, _ open: () throws -> any BlobReader) throws -> Bool
  {
    let keys = try trustedKeys(name)
    guard let signature else {
      guard requiresSignatures else { return false }
      throw ACIRefusal.notTrusted(
        "this registry takes no image without a signature: sign it ('gpg --armor --detach-sign'), and send "
          + "image.aci.asc before image.aci")
    }
    guard requiresSignatures || !keys.keys.isEmpty else { return false }
    guard !keys.keys.isEmpty else {
      throw ACIRefusal.notTrusted(
        "no key is trusted for \(name) here: its operator has to add one to appc.trustedKeys")
    }
    let reader = try open()
    switch try keys.verify(signature, of: { try reader.read(into: $0) }, at: Date()) {
    case .good: return true
    case .bad(let refusals):
      throw ACIRefusal.notTrusted("\(name): " + refusals.map(\.description).joined(separator: "; "))
    }
  }

  /// What the client may do something about; everything else as it is.
  static func refusal(_ error: any Error) -> any Error {
    switch error {
    case let error as AppContainerError: return ACIRefusal.invalid("\(error)")
    case let error as TrustError: return ACIRefusal.invalid("\(error)")
    case let error as ArchiveError:
      if case .failed = error { return error }
      return ACIRefusal.invalid("\(error)")
    default: return error
    }
  }
}
