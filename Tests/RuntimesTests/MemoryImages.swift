import ContainerImage
import ImageTransfer
import Synchronization

@testable import Runtimes

/// Images in memory that a test makes, one of which is the root; blobs of it can be wrong.
struct MemoryImages: ImageSource {
  private(set) var documents: [Digest: ManifestDocument] = [:]
  private(set) var blobs: [Digest: [UInt8]] = [:]
  private(set) var subjects: [Digest: [Descriptor]] = [:]
  private var top: ManifestDocument?
  /// Of a blob: bytes that are given instead of its own.
  var replaced: [Digest: [UInt8]] = [:]

  /// Adds a blob.
  mutating func blob(
    _ bytes: [UInt8], _ type: String = "application/vnd.oci.image.layer.v1.tar",
    _ algorithm: DigestAlgorithm = .sha256
  ) -> Descriptor {
    let digest = Digest(algorithm, hashing: bytes)
    blobs[digest] = bytes
    return Descriptor(mediaType: MediaType(type), digest: digest, size: Int64(bytes.count))
  }

  /// Adds an image, which becomes the root.
  @discardableResult
  mutating func image(_ layers: [Descriptor], config: String = "{}", subject: Descriptor? = nil) throws
    -> Descriptor
  {
    let config = blob(Array(config.utf8), MediaType.ociImageConfig.description)
    var manifest = OrderedJSON.object([])
    manifest["schemaVersion"] = .literal("2")
    manifest["mediaType"] = .string(MediaType.ociImageManifest.description)
    manifest["config"] = config.json
    manifest["layers"] = .array(layers.map(\.json))
    if let subject {
      manifest["subject"] = subject.json
      manifest["artifactType"] = .string("application/vnd.example.signature")
      manifest["annotations"] = .object([.init(name: OCILayout.nameAnnotation, value: .string("not a name"))])
    }
    let descriptor = try add(manifest, .ociImageManifest)
    if let subject { subjects[subject.digest, default: []].append(descriptor) }
    return descriptor
  }

  /// Adds an index, which becomes the root.
  @discardableResult
  mutating func index(_ parts: [Descriptor]) throws -> Descriptor {
    var index = OrderedJSON.object([])
    index["schemaVersion"] = .literal("2")
    index["mediaType"] = .string(MediaType.ociImageIndex.description)
    index["manifests"] = .array(parts.map(\.json))
    return try add(index, .ociImageIndex)
  }

  private mutating func add(_ json: OrderedJSON, _ type: MediaType) throws -> Descriptor {
    let document = try ManifestDocument(Array(json.line.utf8), mediaType: type)
    documents[document.digest] = document
    top = document
    return document.descriptor
  }

  /// The same with another root.
  func rooted(at descriptor: Descriptor) -> MemoryImages {
    var copy = self
    copy.top = documents[descriptor.digest]
    return copy
  }

  func root() throws -> ManifestDocument {
    guard let top else { throw TransferError.notFound("there is no image") }
    return top
  }

  func manifest(_ descriptor: Descriptor) throws -> ManifestDocument {
    guard let found = documents[descriptor.digest] else {
      throw TransferError.notFound("\(descriptor.digest)")
    }
    return found
  }

  func blob(_ descriptor: Descriptor, from offset: Int64) throws -> any BlobReader {
    guard let bytes = replaced[descriptor.digest] ?? blobs[descriptor.digest] else {
      throw TransferError.notFound("\(descriptor.digest)")
    }
    return MemoryReader(bytes, from: offset)
  }

  func referrers(of digest: Digest) -> [Descriptor] { subjects[digest] ?? [] }
}

extension Descriptor {
  fileprivate var json: OrderedJSON {
    var json = OrderedJSON.object([])
    json["mediaType"] = .string("\(mediaType)")
    json["digest"] = .string("\(digest)")
    json["size"] = .literal("\(size)")
    return json
  }
}
