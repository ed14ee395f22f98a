import AppContainer
import Archive
import ContainerImage
import FoundationEssentials
import ImageTransfer
import Storage

extension AppContainerService {
  /// Of the way in which an image becomes an ACI. Raised when the same image would become other bytes, so that what
  /// was made before is made anew.
  static let conversionRevision: Int64 = 2

  private static let largestConfig = 8 << 20

  var signerFingerprint: String? { configuration.signer?.key.fingerprint.description }

  /// Makes the ACI, unless that was done while others were waited for.
  /// - Throws: `ACIRefusal.notConvertible`, `.notFound`, `StorageError`
  public func convert(_ image: ImageToConvert) async throws -> (ConvertedACI, RepositoryName) {
    let repository = image.key.repository
    let converted = try await conversions.withLock(image.key) { () async throws -> ConvertedACI in
      let known = try await store.blocking { [store] in try store.metadata.convertedACI(image.key) }
      if let known, known.signature?.fingerprint == signerFingerprint { return known }
      return try await turns.take { [self] in try await make(image, known: known) }
    }
    guard try converted.labels.satisfy(image.query.labels.without(ACLabels.version)) else {
      throw Self.notFound(image.query)
    }
    return (converted, repository)
  }

  private func make(_ image: ImageToConvert, known: ConvertedACI?) async throws -> ConvertedACI {
    let started = ContinuousClock.now
    var converted: ConvertedACI
    if let known { converted = known } else { converted = try await makeBlob(of: image) }
    converted.signature = try await signature(over: converted.blob)
    guard try await store.metadata.putConvertedACI(converted, as: image.key) else {
      throw Self.notFound(image.query)
    }
    logger.info(
      "converted an image",
      metadata: [
        "name": "\(image.key.name)", "version": "\(image.key.version)", "manifest": "\(image.key.manifest)",
        "blob": "\(converted.blob)", "seconds": "\((ContinuousClock.now - started).components.seconds)",
      ])
    return converted
  }

  private func makeBlob(of image: ImageToConvert) async throws -> ConvertedACI {
    try await checkBlobs(of: image)
    let blobs = store.blobs
    let session = try await store.uploadAtOnce(to: image.key.repository, algorithm: .sha256)
    let made: (id: ACIImageID, labels: ACLabels)
    do {
      made = try await session.append { write in
        try withoutActuallyEscaping(write) { write in
          let conversion = try Self.conversion(of: image, in: blobs)
          let result = try conversion.write(to: ByteSink { try write($0) })
          return (result.imageID, conversion.manifest.labels)
        }
      }
    } catch {
      throw Self.refusal(error)
    }
    let blob = try await session.finish(within: registry.limits(of: image.key.repository))
    return ConvertedACI(
      blob: blob.digest, imageID: made.id.description, os: made.labels.os,
      architecture: made.labels.architecture)
  }

  /// A manifest may name what its repository does not have, and others do.
  private func checkBlobs(of image: ImageToConvert) async throws {
    let (digests, repository) = (image.manifest.requiredBlobs.map(\.digest), image.key.repository)
    let missing = try await store.blocking { [store] in
      try digests.first { try store.metadata.blob($0, in: repository) == nil }
    }
    if let missing {
      throw ACIRefusal.notConvertible(
        "\(repository) does not have the blob \(missing), which the image needs")
    }
  }

  private static func conversion(of image: ImageToConvert, in blobs: BlobStore) throws -> ImageToACI {
    guard let descriptor = image.manifest.config,
      let bytes = try StoredBlobReader.contents(of: descriptor.digest, in: blobs, atMost: largestConfig)
    else { throw ACIRefusal.notConvertible("\(image.key.manifest) is no container image: it has no config") }
    let config: ImageConfig
    do {
      config = try ImageConfig(parsing: bytes)
    } catch {
      throw ACIRefusal.notConvertible("\(image.key.manifest) is no container image: \(error)")
    }
    let (layers, diffIDs) = (image.manifest.layers, config.rootfs.diffIDs)
    guard layers.count == diffIDs.count else {
      throw ACIRefusal.notConvertible(
        "the image's config speaks of \(diffIDs.count) layers, its manifest of \(layers.count)")
    }
    var origin = ImageOrigin(name: image.query.name, version: image.key.version)
    origin.registry = image.key.name.prefix { $0 != "/" }.description
    origin.repository = image.key.repository.description
    origin.originalName = "\(image.key.name):\(image.key.version)"
    origin.imageID = descriptor.digest
    origin.manifest = image.key.manifest
    return try ImageToACI(
      config, origin: origin,
      layers: zip(layers, diffIDs).map { layer, diffID in
        LayerSquash.Layer(diffID: diffID) { try StoredBlobReader(layer.digest, in: blobs) }
      })
  }

  private func signature(over blob: Digest) async throws -> ConvertedACI.Signature? {
    guard let signer = configuration.signer else { return nil }
    let blobs = store.blobs
    return try await onThreadOfItsOwn {
      let reader = try StoredBlobReader(blob, in: blobs)
      let armored = try signer.sign({ try reader.read(into: $0) }, with: .sha512, at: Date())
      return ConvertedACI.Signature(
        armored: String(decoding: armored, as: UTF8.self), fingerprint: signer.key.fingerprint.description)
    }
  }

  /// What the client may do something about; everything else as it is.
  static func refusal(_ error: any Error) -> any Error {
    switch error {
    case let error as AppContainerError: ACIRefusal.notConvertible("\(error)")
    case let error as ArchiveError:
      switch error {
      case .failed: error
      default: ACIRefusal.notConvertible("the image cannot be converted: \(error)")
      }
    default: error
    }
  }
}
