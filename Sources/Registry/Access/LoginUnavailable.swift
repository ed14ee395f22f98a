/// Who somebody is cannot be found out now: whoever knows it does not answer. That is not the client's fault.
public struct LoginUnavailable: Error, Sendable, Equatable {
  /// A sentence for the client. It has no secrets; the log has more.
  public let reason: String
}
