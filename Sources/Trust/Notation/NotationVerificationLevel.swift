/// What is asked of a signature (Notary Project, trust policy specification, section "Signature Verification details").
public enum NotationCheck: String, Sendable, Hashable, CaseIterable {
  /// The signature is intact, follows the rules, and is over this manifest.
  case integrity
  /// It leads to a trusted certificate, and is by a trusted identity.
  case authenticity
  /// It was made when the certificates were valid.
  case authenticTimestamp
  /// The signer's own date of expiry has not come.
  case expiry
  /// No certificate is revoked.
  case revocation

  public enum Action: String, Sendable, Hashable, CaseIterable {
    /// What fails makes the signature bad.
    case enforce
    /// What fails is a note.
    case log
    /// Nothing is asked.
    case skip
  }
}

/// What follows when a check fails.
public struct NotationVerificationLevel: Sendable, Hashable {
  public enum Base: String, Sendable, Hashable, CaseIterable {
    case strict, permissive, audit
    /// No signature is needed, and none is looked at.
    case skip
  }

  public let base: Base
  private let overrides: [NotationCheck: NotationCheck.Action]

  /// - Parameter overrides: allowed ones; the document's reader checks them.
  init(_ base: Base, overrides: [NotationCheck: NotationCheck.Action] = [:]) {
    self.base = base
    self.overrides = overrides
  }

  public func action(for check: NotationCheck) -> NotationCheck.Action {
    if let action = overrides[check] { return action }
    return switch (base, check) {
    case (.skip, _): .skip
    case (.strict, _), (_, .integrity), (.permissive, .authenticity): .enforce
    default: .log
    }
  }
}
