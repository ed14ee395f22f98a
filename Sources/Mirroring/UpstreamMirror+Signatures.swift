import ContainerImage
import ImageTransfer
import NIOCore
import Registry
import RegistryClient
import Trust

extension UpstreamMirror {
  /// Fetches the signatures of an image, for the trust policy to look at when the image is given out.
  /// - Throws: `UpstreamFailure`, `StorageError`
  func fetchSignatures(of digest: Digest, _ place: MirroredRepository) async throws {
    for text in [CosignSignature.tag(for: digest), CosignSignature.attestationTag(for: digest)] {
      guard let tag = try? Tag(parsing: text) else { continue }
      try await fetchSignature(.tag(tag), place, tags: [tag])
    }
    for descriptor in try await referrers(of: digest, in: place).prefix(SignatureEvidence.maximumCount)
    where SignatureDiscovery.isOfInterest(descriptor.artifactType) {
      try await fetchSignature(.digest(descriptor.digest), place, tags: [])
    }
  }

  /// An image that is not trusted may have been signed since it came.
  func fetchMissingSignatures(of digest: Digest, _ tag: Tag?, _ place: MirroredRepository) async throws {
    guard registry.trust != nil, place.upstream.signatures else { return }
    let reference = tag.map(ManifestReference.tag) ?? .digest(digest)
    let outcome = try await registry.outcome(of: digest, as: reference, in: place.name, mayPush: false)
    if case .given = outcome { return }
    do {
      try await fetchSignatures(of: digest, place)
    } catch let failure as UpstreamFailure {
      // Without them it is not given out, and asked for again with its tag.
      logger.warning(
        "cannot fetch signatures",
        metadata: [
          "upstream": "\(place.upstream.namespace)", "repository": "\(place.name)", "digest": "\(digest)",
          "error": "\(failure)",
        ])
    }
  }

  /// One that is not there is none.
  private func fetchSignature(
    _ reference: ManifestReference, _ place: MirroredRepository, tags: [Tag]
  ) async throws {
    if tags.isEmpty, try await present(reference, place) != nil { return }
    let document: ManifestDocument
    do {
      document = try await bring(reference, place, tags: tags)
    } catch let failure as UpstreamFailure where failure.kind == .notFound {
      return
    }
    let manifest = try document.manifest()
    guard SignatureDiscovery.isSignature(manifest) else { return }
    for layer in manifest.layers where layer.size <= SignatureDiscovery.largestBlob {
      try await blob(layer.digest, in: place)?.ended()
    }
  }
}
