import ContainerImage
import ImageTransfer
import RegistryClient

/// What a registry has of an image under tags that are made of its digests, as cosign's signatures are: they go with what refers to it.
struct AttachedTags {
  let client: RegistryClient
  /// Questions at the same time.
  let jobs: Int

  /// - Parameters:
  ///   - plan: of an image with what refers to it.
  ///   - image: its name.
  /// - Returns: their names.
  /// - Throws: `TransferError`
  func find(of plan: CopyPlan, in image: ImageReference) throws -> [ImageReference] {
    let repository = try client.repository(image, for: .pullByTag)
    let candidates = plan.manifests.flatMap { Tag.attached(to: $0.digest) }
    let found = try ConcurrentWork.map(candidates, jobs: jobs) { tag in
      try repository.manifestDigest(.tag(tag)) == nil ? nil : tag
    }
    return found.compactMap(\.self).map { tag in
      ImageReference(registry: image.registry, repository: image.repository, tag: tag)
    }
  }

  /// Copies them to another repository, where they get the same tags. They come before the image: its registry may want that.
  /// - Throws: `TransferError`
  func copy(
    of plan: CopyPlan, from image: ImageReference, to target: ImageReference, _ options: ImageCopier.Options,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws {
    guard options.includesReferrers else { return }
    var options = options
    options.includesReferrers = false
    options.platform = nil
    // The policy is about images.
    options.judge = nil
    for name in try find(of: plan, in: image) {
      let place = ImageReference(registry: target.registry, repository: target.repository, tag: name.tag)
      _ = try ImageCopier(
        from: RegistrySource(try client.repository(name, for: .pullByTag)),
        to: RegistryDestination(try client.repository(place, for: .push)), options, isCancelled: isCancelled
      ).copy()
    }
  }
}
