import ContainerImage

/// Which image a signature must say that it is for (containers-policy.json(5), `signedIdentity`).
public enum SignedIdentity: Sendable, Hashable {
  /// The name that was asked for, with its tag or digest.
  case matchExact
  /// The same, but for an image asked for by digest: any tag of the repository. The digest is compared anyway.
  case matchRepoDigestOrExact
  /// The repository that was asked for, whatever the tag.
  case matchRepository
  /// This one, with its tag or digest.
  case exactReference(ImageReference)
  /// One of this repository.
  case exactRepository(ImageReference)
  /// What `matchRepoDigestOrExact` means, after a part of the name that was asked for is exchanged.
  case remapIdentity(prefix: String, signedPrefix: String)
  /// Any: that it is over this manifest is enough. Kontor's own; forms that have the digest alone need it.
  case matchDigest

  /// - Parameter reference: what was asked for; nil if the image was in a place where images have no such names.
  /// - Returns: why the claim is none that is accepted; nil if it is.
  func refusal(of claim: ImageReference?, for reference: ImageReference?) -> String? {
    if self == .matchDigest { return nil }
    guard let claim else {
      return "it does not say which image it is for, but for the digest: "
        + "if that is enough, the policy's signedIdentity has to be matchDigest"
    }
    switch self {
    case .exactReference(let expected):
      return claim == expected ? nil : "it is for \(claim), not for \(expected)"
    case .exactRepository(let expected):
      return claim.name == expected.name ? nil : "it is for \(claim), not for \(expected.name)"
    case .matchExact, .matchRepoDigestOrExact, .matchRepository, .remapIdentity, .matchDigest:
      guard let reference else {
        return "it is for \(claim), and nothing says which image this is: "
          + "the policy's signedIdentity has to be exactReference or exactRepository here"
      }
      return accepts(claim, for: reference) ? nil : "it is for \(claim), not for \(reference)"
    }
  }

  private func accepts(_ claim: ImageReference, for reference: ImageReference) -> Bool {
    switch self {
    case .matchExact: claim.namesTheSame(as: reference)
    case .matchRepoDigestOrExact: claim.isOfOrNamesTheSame(as: reference)
    case .remapIdentity(let prefix, let signedPrefix):
      reference.replacing(prefix, by: signedPrefix).map { claim.isOfOrNamesTheSame(as: $0) } ?? false
    case .matchRepository: claim.name == reference.name
    case .exactReference, .exactRepository, .matchDigest: false
    }
  }
}

extension ImageReference {
  /// Registry and repository.
  var name: String { "\(registry)/\(repository)" }

  /// Of a claim: it has the tag or digest that was asked for. A name asked for with both has to have the tag; the manifest's
  /// digest, which is compared anyway, need not be said once more.
  fileprivate func namesTheSame(as reference: ImageReference) -> Bool {
    guard name == reference.name, tag != nil || digest != nil else { return false }
    if tag != nil, reference.tag != nil, digest == nil { return tag == reference.tag }
    return tag == reference.tag && digest == reference.digest
  }

  fileprivate func isOfOrNamesTheSame(as reference: ImageReference) -> Bool {
    if reference.tag == nil, reference.digest != nil {
      return name == reference.name && (tag != nil || digest != nil)
    }
    return namesTheSame(as: reference)
  }

  /// - Returns: itself if it does not begin with the prefix; nil if the result is no name in its full form.
  fileprivate func replacing(_ prefix: String, by other: String) -> ImageReference? {
    guard name == prefix || name.hasPrefix(prefix + "/") else { return self }
    let text = other + description.dropFirst(prefix.count)
    guard let replaced = try? ImageReference(parsing: text), replaced.description == text else { return nil }
    return replaced
  }
}
