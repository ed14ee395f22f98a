import FoundationEssentials

/// A public key with its subkeys, as its own valid signatures describe it.
public struct OpenPGPKey: Sendable, Hashable {
  /// One of the keys: the primary one, or a subkey.
  public struct Part: Sendable, Hashable {
    public let fingerprint: OpenPGPFingerprint
    /// Such as `RSA 3072`, `EDDSA Ed25519` or `ECDSA NIST P-256`.
    public let algorithm: String
    public let usage: Set<Usage>
    public let created: Date
    /// Nil if it does not expire.
    public let expires: Date?
    public let isRevoked: Bool

    public var keyID: OpenPGPKeyID { fingerprint.keyID }
  }

  /// What a key may be used for (RFC 4880, section 5.2.3.21).
  public enum Usage: String, Sendable, Hashable, CaseIterable {
    case certify, sign, encrypt, authenticate
  }

  public let primary: Part
  /// Those that the key certifies to be its own and that are not revoked. Anyone can write any text into one's own
  /// key, control characters too: quote it for a terminal.
  public let userIDs: [String]
  public let subkeys: [Part]

  public var fingerprint: OpenPGPFingerprint { primary.fingerprint }
}
