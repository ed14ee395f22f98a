import ContainerImage
import Trust

/// Who may do what. The first rule that is for the repository and for the identity decides alone; without one, nothing is
/// allowed.
public struct AccessRules: Sendable {
  /// Bytes of a document with rules.
  public static let maximumSize = 4 << 20

  struct Rule: Sendable {
    let place: String
    let repositories: [RepositoryPattern]
    let subjects: Subjects
    let actions: Set<AccessAction>
  }

  /// By member.
  private let groups: [Member: Set<ExactText>]
  private let rules: [Rule]

  /// - Parameters:
  ///   - bytes: JSON; see docs/access.md. At most `maximumSize`.
  ///   - what: the document, as the subject of a sentence.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public init(parsing bytes: [UInt8], what: String) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    do throws(InvalidValue) {
      let document = JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it"))
      let members = try document.members("groups", "rules")
      groups = try members["groups"].map { node throws(InvalidValue) in try Self.groups(node) } ?? [:]
      var rules: [Rule] = []
      for node in try members.needed("rules").list() { rules.append(try Self.rule(node)) }
      self.rules = rules
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  /// What the identity may do with the repository, and which rule says so.
  public func decision(for identity: Identity, on repository: RepositoryName) -> AccessDecision {
    let path = PathPattern.Path(repository.description)
    return first(for: identity) { $0.repositories.contains { $0.matches(path) } }
  }

  /// Whether the identity may use what is not of one repository: the first rule for `**` and for it has `admin`.
  public func isAdmin(_ identity: Identity) -> Bool {
    first(for: identity) { $0.repositories.contains(where: \.matchesAll) }.actions.contains(.admin)
  }

  private func first(for identity: Identity, where isFor: (Rule) -> Bool) -> AccessDecision {
    let member = Member(identity)
    let own = groups[member] ?? []
    let groups = identity.groups.isEmpty ? own : own.union(identity.groups.map(ExactText.init))
    for rule in rules where rule.subjects.contain(member, groups: groups) && isFor(rule) {
      return AccessDecision(actions: rule.actions, rule: rule.place)
    }
    return AccessDecision(actions: [], rule: nil)
  }
}

// MARK: - Whom a rule is for

extension AccessRules {
  /// An identity without its groups.
  struct Member: Sendable, Hashable {
    let kind: Identity.Kind
    let name: ExactText

    init(kind: Identity.Kind, name: String) {
      self.kind = kind
      self.name = ExactText(name)
    }

    init(_ identity: Identity) { self.init(kind: identity.kind, name: identity.name) }
  }

  struct Subjects: Sendable {
    var members: Set<Member> = []
    var groups: Set<ExactText> = []
    var authenticated = false
    var anonymous = false

    func contain(_ member: Member, groups ofMember: Set<ExactText>) -> Bool {
      // Nobody known has a name or a group, whatever somebody puts there.
      if member.kind == .anonymous { return anonymous }
      return authenticated || members.contains(member) || !groups.isDisjoint(with: ofMember)
    }
  }
}

// MARK: - Reading

extension AccessRules {
  private static func groups(_ node: JSONNode) throws(InvalidValue) -> [Member: Set<ExactText>] {
    var groups: [Member: Set<ExactText>] = [:]
    for (name, node) in try node.members() {
      if let problem = name.problemAsName { throw node.failure(problem) }
      for element in try node.list() {
        groups[try member(element), default: []].insert(ExactText(name))
      }
    }
    return groups
  }

  /// `alice` or `user:alice`, `workload:ci`.
  private static func member(_ node: JSONNode) throws(InvalidValue) -> Member {
    let text = try node.string()
    let (kind, name) = kindAndName(text)
    if kind == nil {
      if let problem = text.problemAsName { throw node.failure(problem) }
      return Member(kind: .user, name: text)
    }
    guard let member = try named(kind, name, node) else {
      throw node.failure(
        "\(text.quotedForMessage) is no member: expected a user's name, or user:NAME, workload:NAME or "
          + "certificate:NAME")
    }
    return member
  }

  /// What is before the first colon and after it.
  private static func kindAndName(_ text: String) -> (kind: String?, name: String) {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return (nil, text) }
    return (
      String(decoding: text.utf8[..<colon], as: UTF8.self),
      String(decoding: text.utf8[text.utf8.index(after: colon)...], as: UTF8.self)
    )
  }

  private static func named(
    _ kind: String?, _ name: String, _ node: JSONNode
  ) throws(InvalidValue) -> Member? {
    guard let kind = kind.flatMap(Identity.Kind.init(rawValue:)), kind != .anonymous else { return nil }
    if kind == .token {
      throw node.failure(
        "an API token may do what it was made for, whatever the rules say: see 'kontor token create'")
    }
    if let problem = name.problemAsName { throw node.failure(problem) }
    return Member(kind: kind, name: name)
  }

  private static func rule(_ node: JSONNode) throws(InvalidValue) -> Rule {
    let members = try node.members("repositories", "who", "actions")
    var repositories: [RepositoryPattern] = []
    for element in try members.needed("repositories").elements() {
      repositories.append(
        try element.parsed { text throws(InvalidValue) in try RepositoryPattern(parsing: text) })
    }
    var subjects = Subjects()
    for element in try members.needed("who").elements() { try add(element, to: &subjects) }
    var actions: Set<AccessAction> = []
    for element in try members.needed("actions").list() {
      let text = try element.string()
      guard let action = AccessAction(rawValue: text) else {
        throw element.failure(
          "\(text.quotedForMessage) is no action: expected "
            + AccessAction.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard actions.insert(action).inserted else { throw element.failure("it is there twice") }
    }
    return Rule(place: node.place, repositories: repositories, subjects: subjects, actions: actions)
  }

  private static func add(_ node: JSONNode, to subjects: inout Subjects) throws(InvalidValue) {
    let text = try node.string()
    switch kindAndName(text) {
    case (nil, "authenticated"): subjects.authenticated = true
    case (nil, "anonymous"): subjects.anonymous = true
    case (nil, "everyone"): (subjects.authenticated, subjects.anonymous) = (true, true)
    case ("group", let name):
      if let problem = name.problemAsName { throw node.failure(problem) }
      subjects.groups.insert(ExactText(name))
    case (let kind, let name):
      guard let member = try named(kind, name, node) else {
        throw node.failure(
          "\(text.quotedForMessage) is nobody: expected user:NAME, group:NAME, workload:NAME, "
            + "certificate:NAME, authenticated, anonymous or everyone")
      }
      subjects.members.insert(member)
    }
  }
}
