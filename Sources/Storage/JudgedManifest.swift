/// A manifest, and what a policy says of it when it is asked for by the name that it was found by.
public struct JudgedManifest: Sendable {
  public let record: ManifestRecord
  /// Nil if nobody has looked whether there is a verdict.
  var judgement: Judgement?

  struct Judgement {
    /// The number of the policy's edition.
    let edition: Int
    /// Nil if there is none.
    let verdict: StoredVerdict?
  }

  init(record: ManifestRecord) { self.record = record }

  /// Nil if there is none that holds now.
  public var verdict: StoredVerdict? { judgement?.verdict }
}

/// A policy as those know it who look for its verdicts often.
public struct PolicyEdition {
  /// Another one for each policy that this process goes by.
  public let number: Int
  /// What its verdicts are stored with. Asked only if they are not in memory.
  public let revision: () -> String

  public init(number: Int, revision: @escaping () -> String) {
    self.number = number
    self.revision = revision
  }
}
