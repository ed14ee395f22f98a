import ContainerImage

/// What may be done with one resource: `repository:team/app:pull,push` (Distribution, "Docker Registry v2 authentication:
/// scope").
public struct TokenScope: Sendable, Hashable, CustomStringConvertible {
  /// Scopes of a request or a token.
  public static let maximumCount = 100
  /// Bytes of a scope.
  public static let maximumSize = 1024

  /// `repository` or `registry`, or what another issuer knows.
  public let type: String
  /// `plugin` in `repository(plugin)`. It says nothing any more.
  public let resourceClass: String?
  public let name: String
  /// Each once, in the order in which they came. None are asked for if it is empty.
  public let actions: [String]

  public init(type: String, resourceClass: String? = nil, name: String, actions: [String]) {
    self.type = type
    self.resourceClass = resourceClass
    self.name = name
    var seen: Set<String> = []
    self.actions = actions.filter { seen.insert($0).inserted }
  }

  /// What the identity got for a repository, for its token.
  public init(repository: RepositoryName, actions: Set<AccessAction>) {
    self.init(
      type: "repository", name: repository.description,
      actions: AccessAction.allCases.filter(actions.contains).map(\.rawValue))
  }

  /// - Throws: `InvalidValue.malformed`
  public init(parsing text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.maximumSize else {
      throw .malformed("the scope has more than \(Self.maximumSize) bytes")
    }
    // The name may have a port, so that a colon is in it as well.
    let bytes = Array(text.utf8)
    guard let first = bytes.firstIndex(of: UInt8(ascii: ":")),
      let last = bytes.lastIndex(of: UInt8(ascii: ":")), first < last
    else { throw Self.malformed(text, "TYPE:NAME:ACTION,… is expected") }

    var type = bytes[..<first]
    var resourceClass: ArraySlice<UInt8>?
    if let open = type.firstIndex(of: UInt8(ascii: "(")), type.last == UInt8(ascii: ")") {
      resourceClass = type[(open + 1)...].dropLast()
      type = type[..<open]
    }
    guard Self.isWord(type), resourceClass.map(Self.isWord) ?? true else {
      throw Self.malformed(text, "its type is not of lower-case letters and digits")
    }
    let name = bytes[(first + 1)..<last]
    guard !name.isEmpty, name.allSatisfy({ $0.isAlphanumeric || "/:._-".utf8.contains($0) }) else {
      throw Self.malformed(
        text, "its name is empty, or has other characters than letters, digits and '/:._-'")
    }
    var actions: [String] = []
    if last + 1 < bytes.count {
      let parts = bytes[(last + 1)...].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      for action in parts {
        let isAction =
          action.elementsEqual("*".utf8)
          || !action.isEmpty
            && action.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        guard isAction else { throw Self.malformed(text, "an action is not of lower-case letters") }
        actions.append(String(decoding: action, as: UTF8.self))
      }
    }
    self.init(
      type: String(decoding: type, as: UTF8.self),
      resourceClass: resourceClass.map { String(decoding: $0, as: UTF8.self) },
      name: String(decoding: name, as: UTF8.self), actions: actions)
  }

  /// - Parameter text: scopes with spaces between them, at most `maximumCount`.
  /// - Throws: `InvalidValue.malformed`
  public static func list(parsing text: String) throws(InvalidValue) -> [TokenScope] {
    let parts = text.utf8.split(separator: 0x20)
    guard parts.count <= maximumCount else {
      throw .malformed("there are \(parts.count) scopes; at most \(maximumCount) are allowed")
    }
    var scopes: [TokenScope] = []
    for part in parts { scopes.append(try TokenScope(parsing: String(decoding: part, as: UTF8.self))) }
    return scopes
  }

  private static func malformed(_ text: String, _ reason: String) -> InvalidValue {
    .malformed("the scope \(text.quotedForMessage) is malformed: \(reason)")
  }

  private static func isWord(_ bytes: ArraySlice<UInt8>) -> Bool {
    !bytes.isEmpty
      && bytes.allSatisfy { $0.isAlphanumeric && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
  }

  /// The repository that it is for; nil if it is for something else.
  public var repository: RepositoryName? {
    type == "repository" ? try? RepositoryName(parsing: name) : nil
  }

  /// Those of its actions that are known here. `*` is `pull`, `push` and `delete`, as for older clients and issuers. Docker's
  /// clients know no word for signing: `push` is that, too.
  public var accessActions: Set<AccessAction> {
    actions.reduce(into: []) { known, action in
      if action == "*" { known.formUnion([.pull, .push, .delete]) }
      if let action = AccessAction(rawValue: action) { known.insert(action) }
      if known.contains(.push) { known.insert(.sign) }
    }
  }

  /// As it is written in a request, without its class.
  public var description: String { "\(type):\(name):\(actions.joined(separator: ","))" }
}

extension Collection<TokenScope> {
  /// What they allow for the repository, together.
  public func actions(on repository: RepositoryName) -> Set<AccessAction> {
    reduce(into: []) { actions, scope in
      if scope.repository == repository { actions.formUnion(scope.accessActions) }
    }
  }
}
