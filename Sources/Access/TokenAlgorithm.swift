import Trust

/// How a JSON Web Token is signed (RFC 7518, section 3.1, and RFC 8037, section 3.1). A key has exactly one: what a token
/// says about itself only has to be the same. There is no `none` and nothing with a shared secret.
public enum TokenAlgorithm: String, Sendable, Hashable, CaseIterable {
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  case edDSA = "EdDSA"
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"

  /// The usual one of such keys.
  public init(for key: PublicKey.Algorithm) {
    self =
      switch key {
      case .ecdsaP256: .es256
      case .ecdsaP384: .es384
      case .ecdsaP521: .es512
      case .ed25519: .edDSA
      case .rsa: .rs256
      }
  }

  /// Whether such a key can sign by it.
  func suits(_ key: PublicKey.Algorithm) -> Bool {
    switch self {
    case .es256, .es384, .es512, .edDSA: self == TokenAlgorithm(for: key)
    case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: key == .rsa
    }
  }

  var scheme: SignatureScheme {
    switch self {
    case .es256: .ecdsa(.sha256, .raw)
    case .es384: .ecdsa(.sha384, .raw)
    case .es512: .ecdsa(.sha512, .raw)
    case .edDSA: .ed25519
    case .rs256: .rsaPKCS1(.sha256)
    case .rs384: .rsaPKCS1(.sha384)
    case .rs512: .rsaPKCS1(.sha512)
    case .ps256: .rsaPSS(.sha256)
    case .ps384: .rsaPSS(.sha384)
    case .ps512: .rsaPSS(.sha512)
    }
  }
}
