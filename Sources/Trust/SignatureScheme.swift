/// How a signature is made of a message: the key's kind, the hash, and how the result is written. What verifies names
/// the scheme, or a few of them that suit its format; a signature never chooses its own.
public enum SignatureScheme: Sendable, Hashable {
  /// FIPS 186-5, section 6. The hash may be another than the curve's own.
  case ecdsa(SignatureHash, ECDSAEncoding)
  /// RFC 8032, section 5.1: Ed25519 of the message itself.
  case ed25519
  /// RFC 8032, section 5.1: Ed25519ph, of the message's SHA-512, without a context.
  case ed25519ph
  /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
  case rsaPKCS1(SignatureHash)
  /// RSASSA-PSS (RFC 8017, section 8.1) with MGF1 of the same hash and a salt as long as the hash: what JWS, COSE and
  /// most programs make. Longer salts are not accepted.
  case rsaPSS(SignatureHash)

  /// The hashes that count. SHA-1 and what is weaker have no name here.
  public enum SignatureHash: Sendable, Hashable {
    case sha256, sha384, sha512
  }

  public enum ECDSAEncoding: Sendable, Hashable {
    /// `Ecdsa-Sig-Value` (RFC 5480, appendix A).
    case der
    /// r and s, each as long as the curve's order, as JWS and COSE have them (RFC 7518, section 3.4).
    case raw
  }
}
