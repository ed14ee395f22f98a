import ContainerImage
import NIOCore
import Storage

extension Registry {
  /// Stores a manifest that came from another registry, whatever it refers to: that comes when somebody asks for it. What the trust
  /// policy says of it is asked when it is given out.
  /// - Parameters:
  ///   - digest: of the content.
  ///   - tags: to move.
  /// - Throws: `RegistryError.manifestInvalid`, `.manifestTooLarge`, `StorageError`
  public func keep(
    _ content: ByteBuffer, as mediaType: MediaType, _ digest: Digest, tags: [Tag],
    in repository: RepositoryName
  ) async throws {
    guard content.readableBytes <= configuration.maximumManifestSize else {
      throw RegistryError.manifestTooLarge(limit: configuration.maximumManifestSize)
    }
    let manifest: Manifest
    do {
      manifest = try Manifest(parsing: Array(content.readableBytesView), contentType: mediaType)
    } catch {
      throw RegistryError.manifestInvalid("\(error)")
    }
    var new = NewManifest(
      digest: digest, manifest: manifest, content: content, tags: tags, allowsMissingBlobs: true,
      allowsMissingManifests: true)
    new.isMirrored = true
    try await store.metadata.putManifest(new, in: repository)
  }

  /// Stores a blob that is made here, or comes from another registry, on a thread of its own.
  /// - Parameter body: gives its bytes to the function that it gets.
  /// - Throws: `RegistryError.digestMismatch`, `.quotaExceeded`, `StorageError`, and what the body throws; nothing is stored then.
  public func take(
    _ digest: Digest, in repository: RepositoryName,
    making body: @escaping @Sendable (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) async throws {
    // What is held of another registry has limits of its own.
    let isMirrored = configuration.isMirrored(repository)
    let allowance =
      isMirrored ? nil : try await allowance(in: repository, isForSignature: false, of: digest)
    let session = try await store.uploadAtOnce(to: repository, algorithm: digest.algorithm)
    try await session.append { write in
      var received: Int64 = 0
      try body { bytes in
        received += Int64(bytes.count)
        try allowance?.check(received)
        try write(bytes)
      }
    }
    do {
      _ = try await session.finish(as: digest, within: isMirrored ? [] : limits(of: repository))
    } catch let mismatch as DigestMismatch {
      throw RegistryError.digestMismatch(expected: mismatch.expected, actual: mismatch.actual)
    } catch let exceeded as StorageLimitExceeded {
      throw RegistryError(exceeded)
    }
  }
}
