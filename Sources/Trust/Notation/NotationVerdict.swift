import FoundationEssentials

/// What is to be thought of one notation signature, and why.
public struct NotationVerdict: Sendable, Hashable {
  public struct Result: Sendable, Hashable {
    public let check: NotationCheck
    public let action: NotationCheck.Action
    /// Why the check failed, as a sentence's rest; nil if it did not, or was not made, as `action` says.
    public let failure: String?
  }

  /// Good if no check failed that is enforced. At the level `audit`, nobody vouches for a good signature's signer: what
  /// failed and is only logged is in `notes`.
  public let verdict: SignatureVerdict
  /// The statement that was applied; nil if there is none for the repository.
  public let statement: String?
  /// If it is good: when the signature, a certificate or a revocation list expires, so that it has to be verified anew; nil
  /// if nothing does.
  public internal(set) var validUntil: Date?
  /// In the order they were made. After a failed check of integrity no other one is made.
  public let results: [Result]

  /// What failed but does not make the signature bad.
  public var notes: [String] {
    results.compactMap { result in
      guard result.action == .log, let failure = result.failure else { return nil }
      return "\(result.check.rawValue): \(failure)"
    }
  }
}
