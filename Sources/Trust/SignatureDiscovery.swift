import ContainerImage

/// Where signatures of an image are kept in its repository. What is found is evidence only: that it is about the image is for the
/// verifiers to see, by the digest that is signed.
public enum SignatureDiscovery {
  public static let mostReferrers = 1000
  /// Bytes of a signature's blob. Bundles with proofs have some 10 KiB, attestations more.
  public static let largestBlob: Int64 = 4 << 20

  private static let cosignReferrer = "application/vnd.dev.cosign.artifact.sig.v1+json"
  private static let bundlePrefix = "application/vnd.dev.sigstore.bundle"

  /// All that may be signatures of an image.
  /// - Parameter formats: what to look for (`PolicyRule.formats`).
  /// - Throws: what the source throws.
  public static func evidence(
    for digest: Digest, _ formats: Set<SignatureVerdict.Format>, in source: some SignatureSource
  ) throws -> SignatureEvidence {
    var evidence = SignatureEvidence()
    if formats.contains(.simpleSigning) { evidence.simpleSigning = try source.simpleSignatures(of: digest) }
    for (format, tag) in [
      (.cosign, CosignSignature.tag(for: digest)),
      (.cosignAttestation, CosignSignature.attestationTag(for: digest)),
    ] as [(SignatureVerdict.Format, String)] where formats.contains(format) {
      guard let tag = try? Tag(parsing: tag), let manifest = try source.manifest(.tag(tag)) else { continue }
      try add(manifest, over: digest, formats, from: source, to: &evidence)
    }
    guard !formats.isDisjoint(with: [.cosign, .sigstoreBundle, .notation]) else { return evidence }
    for descriptor in try source.referrers(of: digest) where isOfInterest(descriptor.artifactType) {
      guard let manifest = try source.manifest(.digest(descriptor.digest)),
        manifest.subject?.digest == digest
      else { continue }
      try add(manifest, over: digest, formats, from: source, to: &evidence)
    }
    return evidence
  }

  /// Adds what one manifest holds of signatures.
  /// - Parameter digest: of the image that they may be about.
  public static func add(
    _ manifest: Manifest, over digest: Digest, _ formats: Set<SignatureVerdict.Format>,
    from source: some SignatureSource, to evidence: inout SignatureEvidence
  ) throws {
    let most = SignatureEvidence.maximumCount
    if formats.contains(.notation), evidence.notation.count < most,
      let layer = NotationSignatureManifest.envelope(of: manifest, over: digest)
    {
      if let bytes = try source.blob(layer, atMost: Int(largestBlob)) {
        evidence.notation.append(SignatureEvidence.Notation(envelope: bytes, mediaType: layer.mediaType))
      }
      return
    }
    for layer in manifest.layers {
      if layer.mediaType == CosignSignature.mediaType {
        guard formats.contains(.cosign), evidence.cosign.count < most,
          let payload = try source.blob(layer, atMost: Int(largestBlob))
        else { continue }
        evidence.cosign.append(CosignSignature(payload: payload, annotations: layer.annotations ?? [:]))
      } else if layer.mediaType == CosignSignature.attestationMediaType {
        guard formats.contains(.cosignAttestation), evidence.cosignAttestations.count < most,
          let envelope = try source.blob(layer, atMost: Int(largestBlob))
        else { continue }
        evidence.cosignAttestations.append(
          CosignSignature(payload: envelope, annotations: layer.annotations ?? [:]))
      } else if layer.mediaType.description.hasPrefix(bundlePrefix) {
        guard formats.contains(.sigstoreBundle), evidence.sigstoreBundles.count < most,
          let bundle = try source.blob(layer, atMost: Int(largestBlob))
        else { continue }
        evidence.sigstoreBundles.append(bundle)
      }
    }
  }

  /// Which image a manifest of signatures is about.
  /// - Parameter tags: that the manifest gets: cosign's say it.
  public static func subject(of manifest: Manifest, tags: [Tag]) -> Digest? {
    if let subject = manifest.subject { return subject.digest }
    for tag in tags.map(\.description) where tag.hasSuffix(".sig") || tag.hasSuffix(".att") {
      let digest = tag.dropLast(4).split(separator: "-", maxSplits: 1).joined(separator: ":")
      if let digest = try? Digest(parsing: digest[...]) { return digest }
    }
    return nil
  }

  /// Whether a manifest holds signatures and statements, and nothing that could run or be unpacked.
  public static func isSignature(_ manifest: Manifest) -> Bool {
    guard manifest.kind == .image, !manifest.layers.isEmpty else { return false }
    return manifest.layers.allSatisfy { layer in
      [
        CosignSignature.mediaType, CosignSignature.attestationMediaType, NotationEnvelope.jws,
        NotationEnvelope.cose,
      ].contains(layer.mediaType) || layer.mediaType.description.hasPrefix(bundlePrefix)
    }
  }

  /// Whether a referrer of that type may be a signature.
  public static func isOfInterest(_ artifactType: String?) -> Bool {
    guard let artifactType else { return false }
    return artifactType == cosignReferrer || artifactType == NotationVerifier.artifactType
      || artifactType.hasPrefix(bundlePrefix)
  }
}
