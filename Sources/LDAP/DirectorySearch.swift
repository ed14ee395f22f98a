import CLdap

/// The searches for a user and the groups, on a connection with the configured identity. It is used by one thread,
/// and blocks that.
final class DirectorySearch {
  struct User {
    let name: String
    let distinguishedName: String
  }

  enum Found {
    case found(User)
    case refused(LDAPRefusal)
  }

  private let configuration: LDAPDirectory.Configuration
  private let connection: LDAPConnection

  /// Connects, and binds.
  init(_ configuration: LDAPDirectory.Configuration, _ trust: TLSTrust) throws(LDAPError) {
    self.configuration = configuration
    connection = try LDAPConnection(configuration, trust)
    guard let name = configuration.bindDN, let password = configuration.password else { return }
    let answer = try connection.bind(name, password: password.exposed)
    switch answer.code {
    case LDAP_SUCCESS: return
    case LDAP_INVALID_CREDENTIALS:
      throw misconfigured("it does not take the password of the bind DN \"\(name)\": check both")
    default: throw BindAnswer.failure(answer, "the bind DN \"\(name)\" cannot be used", configuration.url)
    }
  }

  func user(_ typed: String) throws(LDAPError) -> Found {
    let filter = configuration.userFilter.text(user: typed)
    let answer = try connection.search(
      configuration.userBase, filter: filter, attribute: configuration.userName, limit: 2)
    if answer.code == LDAP_SIZELIMIT_EXCEEDED || answer.entries.count > 1 {
      return .refused(.ambiguous(filter: filter))
    }
    try check(answer, base: configuration.userBase, what: "users")
    guard let entry = answer.entries.first else { return .refused(.unknownUser) }
    guard let distinguishedName = entry.distinguishedName, !distinguishedName.isEmpty else {
      throw misconfigured("the entry that is found for \(filter) has no distinguished name in UTF-8")
    }
    // Always the same one: nobody chooses who he is by what he types.
    guard let name = entry.values.map(Self.texts)?.first else {
      throw misconfigured(
        "the entry \"\(ByteText.printable(distinguishedName))\" has no attribute \(configuration.userName) in UTF-8: "
          + "check how the directory spells it, and that \(searcher) may read it")
    }
    return .found(User(name: name, distinguishedName: distinguishedName))
  }

  func groups(of user: User) throws(LDAPError) -> Set<String> {
    guard let base = configuration.groupBase else { return [] }
    let filter = configuration.groupFilter.text(user: user.name, distinguishedName: user.distinguishedName)
    let answer = try connection.search(
      base, filter: filter, attribute: configuration.groupName, limit: LDAPDirectory.maximumGroups + 1)
    guard answer.code != LDAP_SIZELIMIT_EXCEEDED, answer.entries.count <= LDAPDirectory.maximumGroups else {
      throw misconfigured(
        "\"\(ByteText.printable(user.distinguishedName))\" has more than \(LDAPDirectory.maximumGroups) groups, "
          + "or more than the directory answers with: make the filter for groups narrower")
    }
    try check(answer, base: base, what: "groups")
    var groups: Set<String> = []
    for entry in answer.entries {
      guard let values = entry.values else {
        throw misconfigured(
          "the group \"\(ByteText.printable(entry.distinguishedName ?? ""))\" has no attribute "
            + "\(configuration.groupName): check how the directory spells it, and that \(searcher) may read it"
        )
      }
      if let name = Self.texts(values).first { groups.insert(name) }
    }
    return groups
  }

  private func check(
    _ answer: LDAPConnection.Answer, base: String, what: String
  ) throws(LDAPError) {
    let base = ByteText.printable(base)
    switch answer.code {
    case LDAP_SUCCESS: return
    case LDAP_NO_SUCH_OBJECT:
      throw misconfigured("the base \"\(base)\" of the \(what) is not there, or \(searcher) may not see it")
    case LDAP_BUSY, LDAP_UNAVAILABLE, LDAP_TIMELIMIT_EXCEEDED:
      throw .unavailable(
        url: configuration.url.description, reason: "it cannot search for \(what) now: \(answer.text)")
    default:
      throw misconfigured(
        "\(searcher) cannot search for \(what) below \"\(base)\": \(answer.text); check the bind DN and its rights"
      )
    }
  }

  /// Those that are UTF-8 and not empty, in the order of their bytes: a directory gives them in any order.
  private static func texts(_ values: [[UInt8]]) -> [String] {
    values.filter { !$0.isEmpty }.sorted { $0.lexicographicallyPrecedes($1) }
      .compactMap { String(validating: $0, as: UTF8.self) }
  }

  private var searcher: String { configuration.bindDN.map { "\"\($0)\"" } ?? "who is not logged in" }

  private func misconfigured(_ reason: String) -> LDAPError {
    .misconfigured(url: configuration.url.description, reason: reason)
  }
}
