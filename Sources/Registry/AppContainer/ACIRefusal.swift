/// Why the registry does not give or take an App Container Image.
public enum ACIRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no such image.
  case notFound(String)
  /// What was pushed is not what it should be.
  case invalid(String)
  /// The signature is missing, or none that counts.
  case notTrusted(String)
  /// The image cannot be an ACI, or not for the platform that is asked for.
  case notConvertible(String)

  public var description: String {
    switch self {
    case .notFound(let reason), .invalid(let reason), .notTrusted(let reason), .notConvertible(let reason):
      reason
    }
  }
}
