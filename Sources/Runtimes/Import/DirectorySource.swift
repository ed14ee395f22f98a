import ContainerImage
import ImageTransfer
import Trust

/// `dir:DIR` as a source: a directory as skopeo and `DirectoryExport` make it. Of an index, the manifests are in files
/// `HEX.manifest.json`.
public struct DirectorySource: ImageSource {
  private let directory: String

  private static let largestManifest = 16 << 20

  public init(directory: String) { self.directory = directory }

  public func root() throws -> ManifestDocument {
    guard let bytes = try contents(DirectoryExport.manifestFile) else {
      throw TransferError.notFound(
        "\(directory) is no image of skopeo's dir: it has no \(DirectoryExport.manifestFile)")
    }
    return try ManifestDocument(bytes, mediaType: nil)
  }

  public func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    guard let bytes = try contents("\(descriptor.digest.encoded).\(DirectoryExport.manifestFile)") else {
      throw TransferError.notFound("\(directory) lacks the manifest \(descriptor.digest)")
    }
    let type = descriptor.mediaType.isManifest ? descriptor.mediaType : nil
    return try ManifestDocument(bytes, mediaType: type, expecting: descriptor.digest)
  }

  public func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    guard let reader = try FileReader("\(directory)/\(descriptor.digest.encoded)", from: offset) else {
      throw TransferError.notFound("\(directory) lacks the blob \(descriptor.digest)")
    }
    return reader
  }

  /// Those of the root, as skopeo keeps them.
  func signatures() throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    while found.count < SignatureEvidence.maximumCount,
      let next = try contents("signature-\(found.count + 1)")
    {
      found.append(next)
    }
    return found
  }

  private func contents(_ name: String) throws -> [UInt8]? {
    try LocalFile.contents("\(directory)/\(name)", atMost: Self.largestManifest)
  }
}
