/// Why there is no verdict: what was to be judged, or judged with, cannot be used. A signature that is not good is no
/// error, but a verdict.
public enum TrustError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What should be public keys is not.
  case unreadableKeys(reason: String)
  /// What should be a secret key is not.
  case unreadableSecretKey(reason: String)
  /// The secret key is protected by a passphrase, and none was given.
  case passphraseMissing
  case wrongPassphrase
  /// The secret key cannot sign at this time.
  case noSigningKey(reason: String)
  /// What should be one public key in PEM or DER is not.
  case unreadablePublicKey(reason: String)
  /// What should be a private key, other than of OpenPGP, is not.
  case unreadableSigningKey(reason: String)
  /// What is to be trusted, or says what is, cannot be used. `what` has its place.
  case unusable(what: String, reason: String)
  /// More than a limit allows. `limit` is in bytes.
  case tooLarge(what: String, limit: Int)
  /// The library failed.
  case failed(operation: String, reason: String)

  public var description: String {
    switch self {
    case .unreadableKeys(let reason):
      "these are no OpenPGP public keys: \(reason); expected what 'gpg --export' writes, armored or not"
    case .unreadableSecretKey(let reason):
      "this is no OpenPGP secret key: \(reason); expected what 'gpg --export-secret-keys' writes, armored or not"
    case .passphraseMissing: "the secret key is protected: give its passphrase"
    case .wrongPassphrase: "the passphrase does not open the secret key"
    case .noSigningKey(let reason): "the secret key cannot sign: \(reason)"
    case .unreadablePublicKey(let reason):
      "this is no public key: \(reason); expected 'BEGIN PUBLIC KEY' in PEM, as in cosign.pub, or the same in DER"
    case .unreadableSigningKey(let reason):
      "this is no private key: \(reason); expected cosign.key, or 'BEGIN PRIVATE KEY' in PEM"
    case .unusable(let what, let reason): "\(what) cannot be used: \(reason)"
    case .tooLarge(let what, let limit): "\(what) has more than \(limit) bytes"
    case .failed(let operation, let reason): "cannot \(operation): \(reason)"
    }
  }
}
