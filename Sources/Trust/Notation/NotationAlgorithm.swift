import CryptoExtras
import Crypto
import X509

/// How the Notary Project's signatures are made. The certificate's key decides; what an envelope says has to be the same
/// (signature specification, section "Algorithm Selection").
enum NotationAlgorithm: String, Sendable, Hashable, CaseIterable {
  /// The names are those of JWS (RFC 7518, section 3.1).
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"

  /// - Throws: `Refusal`: the key is of another kind or size.
  init(for certificate: Certificate) throws(Refusal) {
    let key = certificate.publicKey
    if P256.Signing.PublicKey(key) != nil {
      self = .es256
    } else if P384.Signing.PublicKey(key) != nil {
      self = .es384
    } else if P521.Signing.PublicKey(key) != nil {
      self = .es512
    } else if let size = _RSA.Signing.PublicKey(key)?.keySizeInBits,
      let known = [2048: Self.ps256, 3072: .ps384, 4096: .ps512][size]
    {
      self = known
    } else {
      throw Refusal(
        "the certificate \(certificate.subjectForMessage) has a key that is not supported: ECDSA on P-256, P-384 or "
          + "P-521, or RSA with 2048, 3072 or 4096 bits is expected")
    }
  }

  /// In COSE (RFC 9053, section 2.1; RFC 8230, section 2).
  var coseLabel: Int64 {
    switch self {
    case .es256: -7
    case .es384: -35
    case .es512: -36
    case .ps256: -37
    case .ps384: -38
    case .ps512: -39
    }
  }

  var scheme: SignatureScheme {
    switch self {
    case .es256: .ecdsa(.sha256, .raw)
    case .es384: .ecdsa(.sha384, .raw)
    case .es512: .ecdsa(.sha512, .raw)
    case .ps256: .rsaPSS(.sha256)
    case .ps384: .rsaPSS(.sha384)
    case .ps512: .rsaPSS(.sha512)
    }
  }
}
