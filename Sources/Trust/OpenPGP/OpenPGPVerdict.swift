import ContainerImage
import FoundationEssentials

/// What is to be thought of signed content.
public enum OpenPGPVerdict: Sendable, Hashable {
  case good(OpenPGPSignature)
  /// One refusal for each signature that there is, and never none.
  case bad([OpenPGPRefusal])
}

/// A signature that was found good.
public struct OpenPGPSignature: Sendable, Hashable {
  /// The key that signed: the primary one or a subkey.
  public let fingerprint: OpenPGPFingerprint
  /// The key that people know and trust.
  public let primaryFingerprint: OpenPGPFingerprint
  /// As `OpenPGPKey.userIDs`.
  public let userIDs: [String]
  /// As the signer says.
  public let signedAt: Date
  /// When the signature or one of the keys expires; nil if none of them does.
  public let validUntil: Date?
}

/// Why a signature does not count.
public enum OpenPGPRefusal: Sendable, Hashable, CustomStringConvertible {
  case noSignature
  /// It cannot be read, or is something else than a signature.
  case malformed(String)
  /// Made by a key that is not in the keyring; nil if it does not say by which.
  case unknownKey(OpenPGPKeyID?)
  /// Other content was signed, or by another key.
  case wrongSignature(by: OpenPGPFingerprint)
  case expiredSignature(by: OpenPGPFingerprint, expired: Date)
  case signedInTheFuture(by: OpenPGPFingerprint, signed: Date)
  /// - `validWhenSigned`: whether the signature is good but for this, and made, as the signer says, before the key
  ///   expired.
  case expiredKey(OpenPGPFingerprint, expired: Date, validWhenSigned: Bool)
  /// Whatever the reason and the time of the revocation: who has a revoked key can date signatures back.
  case revokedKey(OpenPGPFingerprint)
  /// The key may not sign, such as one for encryption or certification only.
  case notASigningKey(OpenPGPFingerprint)
  /// The key's own signatures do not hold: none is valid, or a subkey does not confirm that it belongs to its key.
  case uncertifiedKey(OpenPGPFingerprint)
  /// The hash algorithm's name; it says nothing about content that somebody prepared.
  case weakAlgorithm(String)
  /// It covers the content as text, whatever its line ends and trailing spaces are, and so not its bytes.
  case signedAsText

  public var description: String {
    switch self {
    case .noSignature: "there is no signature"
    case .malformed(let reason): "the signature cannot be read: \(reason)"
    case .unknownKey(nil): "the signature does not say which key made it"
    case .unknownKey(let key?): "it is signed by the key \(key), which is not trusted here"
    case .wrongSignature(let key):
      "the signature by the key \(key) does not match: the content is not what was signed"
    case .expiredSignature(let key, let date): "the signature by the key \(key) expired \(date.forMessage)"
    case .signedInTheFuture(let key, let date):
      "the signature by the key \(key) was made \(date.forMessage), which is in the future: check the clock"
    case .expiredKey(let key, let date, _): "it is signed by the key \(key), which expired \(date.forMessage)"
    case .revokedKey(let key): "it is signed by the key \(key), which was revoked"
    case .notASigningKey(let key): "it is signed by the key \(key), which is not for signing"
    case .uncertifiedKey(let key): "it is signed by the key \(key), whose own signatures are not valid"
    case .weakAlgorithm(let name):
      "the signature uses \(name.quotedForMessage), which is not safe: sign with SHA-256"
    case .signedAsText:
      "the signature is one over text, which does not cover every byte: sign without --textmode"
    }
  }
}

extension Date {
  fileprivate var forMessage: String { "at \(formatted(.iso8601))" }
}
