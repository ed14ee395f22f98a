/// What the caller found of signatures for an image, unlooked at.
public struct SignatureEvidence: Sendable {
  /// Signatures of one form that are looked at. Whoever may push may add signatures, and each costs time; further ones
  /// count for nothing.
  public static let maximumCount = 128

  /// OpenPGP messages.
  public var simpleSigning: [[UInt8]]

  public init(simpleSigning: [[UInt8]] = []) {
    self.simpleSigning = simpleSigning
  }
}
