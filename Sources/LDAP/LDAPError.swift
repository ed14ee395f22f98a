/// Why a directory cannot be asked. That a user is unknown or a password wrong is no error, but an answer.
///
/// The descriptions are for an operator: they name the directory and say what to do. None has a password.
public enum LDAPError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was configured is malformed, or would send passwords unencrypted.
  case unusable(what: String, reason: String)
  /// The directory does not answer, or not in time, or its certificate is not trusted. It may be there again later.
  case unavailable(url: String, reason: String)
  /// The directory answers, but refuses what it is asked for, or has not what it should have.
  case misconfigured(url: String, reason: String)
  /// More log-ins wait for the directory than it answers.
  case overloaded(url: String)

  public var description: String {
    switch self {
    case .unusable(let what, let reason): "\(what) cannot be used: \(reason)"
    case .unavailable(let url, let reason): "the directory \(url) is not available: \(reason)"
    case .misconfigured(let url, let reason): "the directory \(url) cannot be used as configured: \(reason)"
    case .overloaded(let url): "the directory \(url) answers more slowly than users log in"
    }
  }
}
