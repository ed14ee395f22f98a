import ContainerImage

/// Why rules, keys or passwords cannot be used. That somebody may not do something, or that a token does not count, is no
/// error, but an answer.
public enum AccessError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was configured is malformed. `what` is what was read, `reason` has the place in it.
  case unusable(what: String, reason: String)
  /// More than a limit allows. `limit` is in bytes.
  case tooLarge(what: String, limit: Int)
  /// A new password cannot be taken.
  case unusablePassword(reason: String)
  /// The library failed.
  case failed(operation: String, reason: String)

  public var description: String {
    switch self {
    case .unusable(let what, let reason): "\(what) cannot be used: \(reason)"
    case .tooLarge(let what, let limit): "\(what) has more than \(limit) bytes"
    case .unusablePassword(let reason): "this password cannot be used: \(reason)"
    case .failed(let operation, let reason): "cannot \(operation): \(reason)"
    }
  }
}
