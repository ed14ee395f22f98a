import ContainerImage

/// The image that is judged: its manifest, and where it was found.
public struct PolicyImage: Sendable {
  public let place: PolicyPlace
  /// As it was fetched.
  public let manifest: [UInt8]
  public let mediaType: MediaType
  /// Of the manifest's bytes, with the algorithm of the digest that the place names, else SHA-256.
  public let digest: Digest

  /// - Throws: `InvalidValue.malformed` if the place names a digest and the manifest has another one.
  public init(
    _ place: PolicyPlace, manifest: [UInt8], mediaType: MediaType
  ) throws(InvalidValue) {
    self.place = place
    self.manifest = manifest
    self.mediaType = mediaType
    let named = place.reference?.digest
    digest = Digest(named?.algorithm ?? .sha256, hashing: manifest)
    if let named, named != digest {
      throw .malformed("the manifest is not the one of the digest \(named): its own is \(digest)")
    }
  }

  /// Whether a digest, of whichever algorithm, is the manifest's.
  func has(_ other: Digest) -> Bool {
    other == digest || other == Digest(other.algorithm, hashing: manifest)
  }
}
