import ContainerImage
import Trust

/// Makes tokens (RFC 7515, section 5.1).
public struct TokenSigner: Sendable {
  /// What they are verified with.
  public let key: TokenKey
  private let signingKey: SigningKey
  /// The same for every token.
  private let header: String

  public init(key signingKey: SigningKey) {
    self.signingKey = signingKey
    key = TokenKey(signingKey.publicKey)
    let header = OrderedJSON.object([
      .init(name: "typ", value: .string("JWT")), .init(name: "alg", value: .string(key.algorithm.rawValue)),
      .init(name: "kid", value: .string(key.thumbprint)),
    ])
    self.header = StrictBase64.encodeURL(Array(header.line.utf8))
  }

  /// - Throws: `AccessError.failed`; `AccessError.tooLarge` for more than `JSONWebToken.maximumSize`, which nobody would take.
  public func sign(_ claims: TokenClaims) throws(AccessError) -> String {
    let signed = "\(header).\(StrictBase64.encodeURL(Array(claims.json.line.utf8)))"
    let signature: [UInt8]
    do { signature = try signingKey.sign(Array(signed.utf8), by: key.algorithm.scheme) } catch {
      throw .failed(operation: "sign a token", reason: "\(error)")
    }
    let token = "\(signed).\(StrictBase64.encodeURL(signature))"
    guard token.utf8.count <= JSONWebToken.maximumSize else {
      throw .tooLarge(what: "the token", limit: JSONWebToken.maximumSize)
    }
    return token
  }

  /// A JWK set with its key (RFC 7517). `TokenKey.jwks` makes one of several signers' keys.
  public var publicKeys: String { TokenKey.jwks([key]) }
}
