/// Checks passwords by a directory (LDAPv3, RFC 4511), and says which groups a user has.
///
/// "Search, then bind": the user's entry is searched for with the configured identity, then its distinguished name
/// and the password are tried on a connection of their own, then the groups are searched for with the configured
/// identity. No connection outlives a call.
///
/// At most 4 calls work at a time, on threads of their own; others wait, at most for the configured timeout.
///
/// One per configuration is enough for the life of a process; see `TLSTrust` for what stays when it goes.
public final class LDAPDirectory: Sendable {
  public struct Entry: Sendable, Hashable {
    /// As the directory spells it, whatever was typed.
    public let name: String
    public let groups: Set<String>
    /// As the directory spells it.
    public let dn: String

    public init(name: String, groups: Set<String>, dn: String) {
      self.name = name
      self.groups = groups
      self.dn = dn
    }
  }

  /// Bytes of a name that is looked for.
  public static let maximumName = 256
  /// Bytes of a password that is tried.
  public static let maximumPassword = 1024
  /// Groups of a user.
  public static let maximumGroups = 1000

  private static let concurrentCalls = 4
  private static let maximumWaiting = 256

  public let configuration: Configuration
  private let threads: WorkerThreads
  private let trust: TLSTrust

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    trust = TLSTrust(configuration)
    threads = WorkerThreads(
      width: Self.concurrentCalls, maximumWaiting: Self.maximumWaiting, longestWait: configuration.timeout)
  }

  /// The user without a password, for those who showed a token that was issued before.
  /// - Parameter user: the name of an `Entry`, byte by byte. Somebody else who is found for it is not this user.
  /// - Returns: nil if there is none any more.
  /// - Throws: `LDAPError`, if the directory cannot tell.
  public func entry(of user: String) async throws(LDAPError) -> Entry? {
    try await verdict(on: user).entry
  }

  /// Whether a user's password is right.
  /// - Throws: `LDAPError`, if the directory cannot tell. The password may be right.
  public func verdict(on user: String, password: String) async throws(LDAPError) -> LDAPVerdict {
    guard Self.isPossible(user) else { return .refused(.unusableName) }
    let bytes = Array(password.utf8)
    // An empty one would make anybody anonymous, and the directory would say that all is well (RFC 4513, section
    // 5.1.2). A directory that ends it at a NUL must not take it for empty either.
    guard (1...Self.maximumPassword).contains(bytes.count), bytes.first != 0 else {
      return .refused(.unusablePassword)
    }
    return try await onThread { [self] () throws(LDAPError) in try verdict(on: user, trying: bytes) }
  }

  /// As `entry(of:)`, but with a reason for the log.
  public func verdict(on user: String) async throws(LDAPError) -> LDAPVerdict {
    guard Self.isPossible(user) else { return .refused(.unusableName) }
    return try await onThread { [self] () throws(LDAPError) in
      let search = try DirectorySearch(configuration, trust)
      switch try search.user(user) {
      case .refused(let refusal): return .refused(refusal)
      case .found(let found):
        guard ByteText.areSame(found.name, user) else { return .refused(.otherName(found: found.name)) }
        return .accepted(try entry(of: found, search))
      }
    }
  }

  private func verdict(on user: String, trying password: [UInt8]) throws(LDAPError) -> LDAPVerdict {
    let search = try DirectorySearch(configuration, trust)
    switch try search.user(user) {
    case .refused(let refusal):
      // It takes about as long as with a user who is there, so that nobody learns who is.
      _ = try LDAPConnection(configuration, trust).bind(nobody, password: password)
      return .refused(refusal)
    case .found(let found):
      // A bind changes whom a connection is for; so not the one that searches.
      let answer = try LDAPConnection(configuration, trust).bind(found.distinguishedName, password: password)
      if let refusal = try BindAnswer.refusal(in: answer, from: configuration.url) {
        return .refused(refusal)
      }
      return .accepted(try entry(of: found, search))
    }
  }

  private func entry(of found: DirectorySearch.User, _ search: DirectorySearch) throws(LDAPError) -> Entry {
    Entry(name: found.name, groups: try search.groups(of: found), dn: found.distinguishedName)
  }

  /// The distinguished name of an entry that is not there.
  private var nobody: String {
    let random = (0..<16).map { _ in ByteText.hexadecimal(.random(in: .min ... .max)) }.joined()
    return "cn=\(random),\(configuration.userBase)"
  }

  private static func isPossible(_ user: String) -> Bool {
    (1...maximumName).contains(user.utf8.count) && !ByteText.hasControls(user)
  }

  private func onThread(
    _ body: @escaping @Sendable () throws(LDAPError) -> LDAPVerdict
  ) async throws(LDAPError) -> LDAPVerdict {
    guard let verdict = try await threads.run(body) else {
      throw .overloaded(url: configuration.url.description)
    }
    return verdict
  }
}
