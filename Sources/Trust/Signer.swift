import ContainerImage

/// Who signed: what a policy compares with what it trusts, and what people read.
public enum Signer: Sendable, Hashable, CustomStringConvertible {
  /// - Parameters:
  ///   - fingerprint: the primary key's.
  ///   - userIDs: what the key says of its owner.
  case openPGP(fingerprint: OpenPGPFingerprint, userIDs: [String])
  /// A bare public key.
  /// - Parameter keyID: SHA-256 of its SubjectPublicKeyInfo in DER, in lower-case hexadecimal.
  case publicKey(keyID: String)
  /// The owner of a short-lived certificate, who proved to an identity provider who they are.
  /// - Parameters:
  ///   - issuer: the provider's address.
  ///   - subject: an electronic mail address or a URI, of the certificate's subject alternative name.
  case identity(issuer: String, subject: String)
  /// The owner of a certificate that a trusted authority issued.
  /// - Parameters:
  ///   - subject: its distinguished name (RFC 4514).
  ///   - fingerprint: SHA-256 of the certificate in DER, in lower-case hexadecimal.
  case certificate(subject: String, fingerprint: String)

  public var description: String {
    switch self {
    case .openPGP(let fingerprint, let userIDs):
      (userIDs.first.map { "\($0.quotedForMessage), " } ?? "") + "OpenPGP key \(fingerprint)"
    case .publicKey(let keyID): "public key sha256:\(keyID)"
    case .identity(let issuer, let subject):
      "\(subject.quotedForMessage) (by \(issuer.quotedForMessage))"
    case .certificate(let subject, let fingerprint):
      "\(subject.quotedForMessage) (certificate sha256:\(fingerprint))"
    }
  }
}
