import ContainerImage

/// What a registry's server does about images that the policy does not allow, in one scope.
public struct PolicyEnforcement: Sendable, Hashable {
  public enum Push: String, Sendable, Hashable, CaseIterable {
    /// They are taken, and held: only who may push to the repository sees them, until a good signature comes.
    case hold
    /// They are refused: their signatures have to come first.
    case refuse
    /// They are taken like others.
    case allow
  }

  /// From the strictest on.
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// They are refused.
    case enforce
    /// They are given, and the log says so.
    case warn
    /// Nobody looks.
    case off
  }

  public var push = Push.hold
  public var pull = Mode.enforce
  /// Images that come from another registry.
  public var mirror = Mode.enforce
  /// Images that are asked for as ACIs.
  public var appc = Mode.enforce

  /// By scope.
  static func table(_ node: JSONNode) throws(InvalidValue) -> [String: PolicyEnforcement] {
    var table: [String: PolicyEnforcement] = [:]
    for (scope, node) in try node.repositoryScopes() { table[scope] = try PolicyEnforcement(node) }
    return table
  }

  public init() {}

  /// Of a repository that is filled from another registry: taking an image in and giving it out are one there.
  public var ofMirror: PolicyEnforcement {
    var both = self
    both.pull = Mode.allCases.first { $0 == pull || $0 == mirror } ?? .enforce
    return both
  }

  private init(_ node: JSONNode) throws(InvalidValue) {
    let members = try node.members("push", "pull", "mirror", "appc")
    if let push = members["push"] { self.push = try push.choice() }
    if let pull = members["pull"] { self.pull = try pull.choice() }
    if let mirror = members["mirror"] { self.mirror = try mirror.choice() }
    if let appc = members["appc"] { self.appc = try appc.choice() }
  }
}

extension JSONNode {
  /// The members of a table by scopes that are those of `docker`, from repositories upwards, and "" for all.
  func repositoryScopes() throws(InvalidValue) -> [(name: String, node: JSONNode)] {
    let scopes = try members()
    for (scope, node) in scopes where !scope.isEmpty {
      if let problem = DockerScope.problem(of: scope) { throw node.failure("the scope \(problem)") }
      // Nothing here may depend on the tag: a manifest is pushed and pulled by its digest, too.
      if let reference = try? ImageReference(parsing: scope), scope.contains("/"),
        reference.tag != nil || reference.digest != nil
      {
        throw node.failure("the scope names one image: name its repository instead")
      }
    }
    return scopes
  }

  fileprivate func choice<Choice: CaseIterable & RawRepresentable<String>>() throws(InvalidValue) -> Choice {
    guard let choice = Choice(rawValue: try string()) else {
      throw failure("expected \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
}
