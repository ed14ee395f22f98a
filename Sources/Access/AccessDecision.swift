/// What somebody may do with a repository.
public struct AccessDecision: Sendable, Hashable {
  public let actions: Set<AccessAction>
  /// The place of the rule that decided, such as `rules[2]`; nil if none is for this repository and identity.
  public let rule: String?

  public init(actions: Set<AccessAction>, rule: String?) {
    self.actions = actions
    self.rule = rule
  }
}
