import FoundationEssentials

/// Judges tokens of Docker's protocol.
public struct TokenVerifier: Sendable {
  public let keys: [TokenKey]
  public let issuer: String
  public let audience: String

  /// - Parameters:
  ///   - keys: of the issuer; more than one while they are exchanged.
  ///   - issuer: what `iss` has to be, byte by byte.
  ///   - audience: what `aud` has to be, or to have among others.
  public init(keys: [TokenKey], issuer: String, audience: String) {
    self.keys = keys
    self.issuer = issuer
    self.audience = audience
  }

  /// - Parameters:
  ///   - token: at most `JSONWebToken.maximumSize`.
  ///   - now: the present. Clocks may differ by `JSONWebToken.leeway`.
  public func verify(_ token: String, at now: Date) -> Result<TokenClaims, TokenRefusal> {
    JSONWebToken.verify(token, keys: keys, at: now).flatMap { verified in
      do throws(TokenRefusal) {
        let claims = try TokenClaims(verified)
        guard claims.issuer.isExactly(issuer) else { throw .otherIssuer }
        guard claims.audience.contains(where: { $0.isExactly(audience) }) else { throw .otherAudience }
        return .success(claims)
      } catch {
        return .failure(error)
      }
    }
  }
}
