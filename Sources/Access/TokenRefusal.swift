import ContainerImage
import FoundationEssentials

/// Why a token does not count.
public enum TokenRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  /// It is no token of the form that is expected. `reason` is a sentence's rest.
  case malformed(reason: String)
  /// It is signed by an algorithm that is not that of the key, or by none that is accepted.
  case algorithm(String)
  /// None of the keys is the one that it names: it is another issuer's, or newer than the keys that are at hand.
  case unknownKey
  /// The certificates that it brings lead to none that is trusted. `reason` says why.
  case certificates(reason: String)
  case badSignature
  case expired(at: Date)
  case notYetValid(before: Date)
  case otherIssuer
  case otherAudience

  public var description: String {
    switch self {
    case .malformed(let reason): "the token is malformed: \(reason)"
    case .algorithm(let name):
      "the token is signed by the algorithm \(name.quotedForMessage), which is not accepted for this key"
    case .unknownKey: "the token is signed by a key that is not known here"
    case .certificates(let reason): "the token's certificates do not count: \(reason)"
    case .badSignature: "the token's signature is not good"
    case .expired(let time): "the token expired at \(time.formatted(.iso8601))"
    case .notYetValid(let time): "the token is not valid before \(time.formatted(.iso8601))"
    case .otherIssuer: "the token is of another issuer"
    case .otherAudience: "the token is for another audience"
    }
  }
}
