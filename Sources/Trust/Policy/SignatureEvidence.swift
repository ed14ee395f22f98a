import ContainerImage

/// What the caller found of signatures for an image, unlooked at.
public struct SignatureEvidence: Sendable {
  /// Signatures of one form that are looked at. Whoever may push may add signatures, and each costs time; further ones
  /// count for nothing.
  public static let maximumCount = 128

  /// A signature of notation's: the layer of an artifact that refers to the image.
  public struct Notation: Sendable, Hashable {
    public let envelope: [UInt8]
    /// The layer's.
    public let mediaType: MediaType

    public init(envelope: [UInt8], mediaType: MediaType) {
      self.envelope = envelope
      self.mediaType = mediaType
    }
  }

  /// OpenPGP messages, from a lookaside or from a registry's API extension.
  public var simpleSigning: [[UInt8]]
  /// The layers of the image that has the tag `CosignSignature.tag(for:)`.
  public var cosign: [CosignSignature]
  /// The layers of the image that has the tag `CosignSignature.attestationTag(for:)`.
  public var cosignAttestations: [CosignSignature]
  /// The layers of artifacts that refer to the image.
  public var sigstoreBundles: [[UInt8]]
  public var notation: [Notation]

  public init(
    simpleSigning: [[UInt8]] = [], cosign: [CosignSignature] = [],
    cosignAttestations: [CosignSignature] = [], sigstoreBundles: [[UInt8]] = [], notation: [Notation] = []
  ) {
    self.simpleSigning = simpleSigning
    self.cosign = cosign
    self.cosignAttestations = cosignAttestations
    self.sigstoreBundles = sigstoreBundles
    self.notation = notation
  }
}
