import AppContainer
import Archive
import ContainerImage
import ImageTransfer
import NIOCore
import Storage

extension AppContainerService {
  /// What became of a pushed ACI.
  public struct PushedACI: Sendable {
    public let imageID: ACIImageID
    public let repository: RepositoryName
    public let tag: Tag
    /// The OCI image that was made of it and of those that it needs; nil if none can be made.
    public let image: Digest?
    /// Why none can be made, as a sentence's rest.
    public let reason: String?
  }

  /// The repository of a name, for a push.
  /// - Throws: `ACIRefusal.invalid`
  public func repository(for name: ACIdentifier) throws(ACIRefusal) -> RepositoryName {
    if let repository = configuration.hosts.repository(of: name) { return repository }
    let hosts = configuration.hosts.hosts
    guard !hosts.isEmpty else {
      throw .invalid(
        "\(name) cannot be an image of this registry: its operator has to name a host in appc.hosts")
    }
    throw .invalid(
      "\(name) cannot be an image of this registry: expected \(hosts.joined(separator: " or "))/NAME, in lower case"
    )
  }

  /// Takes an ACI: verifies it, makes an OCI image of it and of those that it needs, and gives that the version as its tag.
  /// - Parameters:
  ///   - upload: has the image's file. It ends in any case.
  ///   - signature: a detached signature over the file; nil for none.
  /// - Throws: `ACIRefusal`, `StorageError`; then nothing of the image is stored under any name.
  public func accept(
    _ upload: consuming UploadSession, signature: [UInt8]?, as query: ACIQuery
  ) async throws -> PushedACI {
    let repository = upload.repository
    let (tag, rendered, image): (Tag, RenderedACI, ACIToImage.Image?)
    do {
      tag = try Self.tag(for: query)
      try await registry.checkRoom(for: tag, in: repository)
      let (path, length, acceptance) = (upload.path, upload.size, acceptance)
      let open: @Sendable () throws -> any BlobReader = { try StoredBlobReader(upload: path) }
      _ = try await onThreadOfItsOwn { try acceptance.check(signature, of: query.name, open) }
      rendered = try await render(query, size: length, open)
      image = try await store(rendered, in: repository)
    } catch {
      await upload.cancel()
      throw ACIAcceptance.refusal(error)
    }
    let (aci, size) = try await upload.finish(within: registry.limits(of: repository))
    var subject: Descriptor?
    if let image {
      _ = try await store(image.config, in: repository)
      subject = try await push(image.manifest, in: repository)
    }
    let summary = rendered.summary
    let artifact = try ACIArtifact(
      summary, image: Descriptor(mediaType: MediaType(""), digest: aci, size: size),
      signature: try await store(signature, in: repository), subject: subject)
    _ = try await store(summary.manifestBytes, in: repository)
    let document = try artifact.encoded
    let manifest = try await push(document, in: repository)
    try await tagging.withLock(TagKey(repository: repository, tag: tag)) {
      let (content, type) = try await meaning(
        of: tag, in: repository, with: subject, image?.manifest ?? document)
      _ = try await push(content, type, tags: [tag], in: repository)
    }
    try await removeEarlier(than: manifest, of: artifact, in: repository)
    return PushedACI(
      imageID: summary.imageID, repository: repository, tag: tag, image: subject?.digest,
      reason: rendered.reason)
  }

  private static func tag(for query: ACIQuery) throws(ACIRefusal) -> Tag {
    guard let version = query.labels.version else { return .latest }
    if let tag = query.tag { return tag }
    throw .invalid(
      "the version \(version.quotedForMessage) cannot be a tag: expected letters, digits, \".\", \"-\" and \"_\""
    )
  }

  /// What became of a signature that came alone.
  public enum Attachment: Sendable, Equatable {
    /// The image that is there has it now.
    case attached
    /// It was put to an image that had none; nobody knows whether it is that one's.
    case attachedUnverified
    /// It is not for the image that is there, or there is none: its image may be on its way.
    case waiting
  }

  /// Takes a signature for an ACI that was pushed before. One that takes the place of another must be good.
  /// - Throws: `ACIRefusal`, `StorageError`
  public func attach(_ signature: [UInt8], to query: ACIQuery) async throws -> Attachment {
    let repository = try repository(for: query.name)
    guard let artifact = try await store.blocking({ [self] in try pushedArtifact(for: query) }) else {
      return .waiting
    }
    let (blobs, acceptance) = (store.blobs, acceptance)
    let isVerified: Bool
    do {
      isVerified = try await onThreadOfItsOwn {
        try acceptance.check(signature, of: query.name) {
          try StoredBlobReader(artifact.image.digest, in: blobs)
        }
      }
    } catch ACIRefusal.notTrusted {
      return .waiting
    } catch {
      throw ACIAcceptance.refusal(error)
    }
    guard isVerified || artifact.signature == nil else { return .waiting }
    // Where no image could be made of it, it has the tag itself.
    let tags = artifact.subject == nil ? query.tag.map { [$0] } : []
    guard let tags else { return .waiting }
    let signed = artifact.with(signature: try await store(signature, in: repository))
    let manifest = try await push(try signed.encoded, tags: tags, in: repository)
    try await removeEarlier(than: manifest, of: signed, in: repository)
    return isVerified ? .attached : .attachedUnverified
  }

  /// Stores the layers.
  /// - Returns: what else the OCI image consists of; nil if there is none.
  private func store(
    _ rendered: RenderedACI, in repository: RepositoryName
  ) async throws -> ACIToImage.Image? {
    guard let conversion = rendered.conversion else { return nil }
    var written: [ACILayer.Written] = []
    for layer in rendered.layers {
      let session = try await store.uploadAtOnce(to: repository, algorithm: .sha256)
      let made = try await session.append { write in
        try withoutActuallyEscaping(write) { write in try layer.write(to: ByteSink { try write($0) }) }
      }
      _ = try await session.finish(
        as: made.descriptor.digest, within: registry.limits(of: repository))
      written.append(made)
    }
    return try conversion.image(of: written)
  }

  /// The name and the labels of the request have to be the image's own (appc 0.8.11, discovery.md, "Validation").
  static func check(_ manifest: AppContainerManifest, against query: ACIQuery) throws(ACIRefusal) {
    guard manifest.name == query.name else {
      throw .invalid("the image is named \(manifest.name) in its manifest, but was sent as \(query.name)")
    }
    for label in query.labels.labels where manifest.labels[label.name] != label.value {
      let own = manifest.labels[label.name].map(\.quotedForMessage) ?? "not there"
      throw .invalid(
        "the label \(label.name) was sent as \(label.value.quotedForMessage), but in the image's manifest it is \(own)"
      )
    }
  }

  private func store(_ content: [UInt8]?, in repository: RepositoryName) async throws -> Descriptor? {
    guard let content else { return nil }
    let digest = Digest(hashing: content)
    let session = try await store.uploadAtOnce(to: repository, algorithm: digest.algorithm)
    try await session.append(ByteBuffer(bytes: content))
    let size = try await session.finish(as: digest, within: registry.limits(of: repository))
    return Descriptor(mediaType: MediaType(""), digest: digest, size: size)
  }

  private func push(
    _ manifest: [UInt8], _ type: MediaType = .ociImageManifest, tags: [Tag] = [],
    in repository: RepositoryName
  ) async throws -> Descriptor {
    let digest = Digest(hashing: manifest)
    _ = try await registry.pushManifest(
      ByteBuffer(bytes: manifest), contentType: type, as: .digest(digest), tags: tags, in: repository,
      admission: nil)
    return Descriptor(mediaType: type, digest: digest, size: Int64(manifest.count))
  }

  /// The document that a tag is to mean when an image joins it: the image's, or an index with those for other platforms that
  /// the tag means now.
  /// - Parameter image: nil if it is none that an index could list.
  private func meaning(
    of tag: Tag, in repository: RepositoryName, with image: Descriptor?, _ document: [UInt8]
  ) async throws -> (content: [UInt8], MediaType) {
    guard let image else { return (document, .ociImageManifest) }
    let (metadata, blobs) = (store.metadata, store.blobs)
    let entries = try await store.blocking { () throws -> [Descriptor] in
      let reader = PlatformReader(metadata: metadata, blobs: blobs, repository: repository)
      let own = try reader.withPlatform(image)
      guard let record = try metadata.manifest(.tag(tag), in: repository) else { return [own] }
      let current = try record.parsed()
      let known = current.kind == .index ? current.manifests : [try reader.withPlatform(record.descriptor)]
      return known.filter { $0.platform != nil && $0.platform != own.platform } + [own]
    }
    guard entries.count > 1 else { return (document, .ociImageManifest) }
    return (try ImageIndex(manifests: entries).bytes, .ociImageIndex)
  }

  /// The same image may have been pushed before with no signature, or another: only the last one counts.
  private func removeEarlier(
    than manifest: Descriptor, of artifact: ACIArtifact, in repository: RepositoryName
  ) async throws {
    guard let subject = artifact.subject else { return }
    let earlier = try await store.blocking { [store] in
      try store.metadata.referrers(
        of: subject.digest, in: repository, artifactType: ACIArtifact.artifactType, after: 0, limit: 100,
        byteLimit: 1 << 20)
    }
    for entry in earlier.descriptors where entry.digest != manifest.digest {
      guard let described = ACIArtifact.described(by: entry.annotations ?? [:]),
        described.name == artifact.name
      else { continue }
      _ = try await store.metadata.deleteManifest(entry.digest, in: repository)
    }
  }

  struct TagKey: Hashable, Sendable {
    let repository: RepositoryName
    let tag: Tag
  }
}

/// Finds out which platform a stored image is for.
private struct PlatformReader {
  let metadata: MetadataStore
  let blobs: BlobStore
  let repository: RepositoryName

  /// - Returns: without one, if it is no image.
  func withPlatform(_ manifest: Descriptor) throws -> Descriptor {
    var descriptor = manifest
    guard let record = try metadata.manifest(.digest(manifest.digest), in: repository),
      let config = try record.parsed().config, try blobs.size(of: config.digest) != nil,
      let bytes = try StoredBlobReader.contents(of: config.digest, in: blobs, atMost: 8 << 20)
    else { return descriptor }
    descriptor.platform = (try? ImageConfig(parsing: bytes))?.platform
    return descriptor
  }
}

extension ManifestRecord {
  fileprivate var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: Int64(content.readableBytes))
  }
}
