import ContainerImage
import ImageTransfer
import NIOCore
import Registry
import Storage

/// A tag of this registry, as a destination. What comes passes as it would if it were pushed: the trust policy, quotas and immutable
/// tags count, but for what is filled from an upstream anyway.
struct LocalDestination: ImageDestination {
  let registry: Registry
  let repository: RepositoryName
  let tag: Tag
  /// Whether it is kept as what was pulled through.
  let isMirrored: Bool
  /// Whether images that an index lists may be missing.
  let isSparse: Bool

  var takesIndexes: Bool { true }
  var needsAllBlobs: Bool { false }

  func manifest(_ digest: Digest) throws -> ManifestDocument? {
    try translating { try registry.store.metadata.manifest(.digest(digest), in: repository)?.document() }
  }

  func has(_ blob: Descriptor) throws -> Bool {
    let presence = try translating { try registry.presence(of: blob.digest, in: repository) }
    switch presence {
    case .present: return true
    case .unknown: return false
    case .needsLease:
      return try waiting { [registry, repository] in
        try await registry.lease(blob.digest, in: repository) != nil
      }
    }
  }

  func put(_ blob: Descriptor, from source: BlobContent) throws {
    let isHere = try translating { try registry.store.metadata.isPresent(blob.digest) }
    // Another repository has it. That this one may have it, too, is for the source to say, and for no manifest: whoever writes one can
    // name what is not his.
    if isHere, try source.isThere(), try mount(blob.digest) { return }
    try waiting { [registry, repository] in
      try await registry.take(blob.digest, in: repository) { write in
        try VerifyingReader(try source.reader(), expecting: blob).forEachPiece(write)
      }
    }
  }

  private func mount(_ digest: Digest) throws -> Bool {
    try waiting { [registry, repository, isMirrored] in
      isMirrored
        ? try await registry.store.metadata.linkPresentBlob(digest, in: repository)
        : try await registry.mount(digest, from: nil, to: repository) { _ in true }
    }
  }

  func put(_ manifest: ManifestDocument, isRoot: Bool) throws {
    let content = ByteBuffer(bytes: manifest.bytes)
    let tags = isRoot ? [tag] : []
    try waiting { [registry, repository, isMirrored, isSparse] in
      if isMirrored {
        try await registry.keep(
          content, as: manifest.mediaType, manifest.digest, tags: tags, in: repository)
      } else {
        _ = try await registry.pushManifest(
          content, contentType: manifest.mediaType, as: .digest(manifest.digest), tags: tags, in: repository,
          isSparse: isSparse)
      }
    }
  }

  func finish() throws {}

  func abandon() {}
}
