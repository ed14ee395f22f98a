import ContainerImage

/// Reads a trust policy document. What it refuses, it names by its path.
enum NotationTrustPolicyReader {
  typealias Statement = NotationTrustPolicy.Statement

  static func statements(_ document: OrderedJSON) throws(Refusal) -> [Statement] {
    let root = try object(document, "", allowed: ["version", "trustPolicies"])
    let version = try text(root, "version", "")
    guard version == "1.0" else {
      throw Refusal("version is \(version.quotedForMessage): expected \"1.0\"")
    }
    let elements = try list(root, "trustPolicies", "")
    guard !elements.isEmpty else { throw Refusal("trustPolicies is empty: expected a statement") }
    var statements: [Statement] = []
    // Where each name and scope is already.
    var names: [String: String] = [:]
    var scopes: [String: String] = [:]
    for (index, element) in elements.enumerated() {
      let place = "trustPolicies[\(index)]"
      let statement = try statement(element, place)
      if let other = names.updateValue(place, forKey: statement.name) {
        throw Refusal(
          "\(place).name is \(statement.name.quotedForMessage), as the one of \(other): names are unique")
      }
      for scope in statement.scopeTexts {
        guard let other = scopes.updateValue(place, forKey: scope) else { continue }
        throw Refusal(
          "\(place).registryScopes has \(scope.quotedForMessage), as \(other) has: a scope is in one statement"
        )
      }
      statements.append(statement)
    }
    return statements
  }

  private static func statement(_ value: OrderedJSON, _ place: String) throws(Refusal) -> Statement {
    let object = try object(
      value, place,
      allowed: ["name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities"])
    let name = try text(object, "name", place)
    guard !name.isEmpty else { throw Refusal("\(place).name is empty") }
    let scope = try scope(try texts(object, "registryScopes", place), "\(place).registryScopes")
    guard let verification = object["signatureVerification"] else {
      throw Refusal("\(place).signatureVerification is missing")
    }
    let (level, timestampUse) = try level(verification, "\(place).signatureVerification")
    guard level.base != .skip else {
      guard scope != .all else {
        throw Refusal("\(place).signatureVerification.level is skip, which is not for the scope *")
      }
      for unused in ["trustStores", "trustedIdentities"]
      where !(try optionalTexts(object, unused, place)).isEmpty {
        throw Refusal("\(place).\(unused) has no meaning with the level skip: leave it out")
      }
      return Statement(
        name: name, scope: scope, level: level, timestampUse: timestampUse, trustStores: [],
        identities: .some([]))
    }
    return Statement(
      name: name, scope: scope, level: level, timestampUse: timestampUse,
      trustStores: try stores(try texts(object, "trustStores", place), "\(place).trustStores"),
      identities: try identities(
        try texts(object, "trustedIdentities", place), "\(place).trustedIdentities"))
  }

  private static func scope(_ scopes: [String], _ place: String) throws(Refusal) -> Statement.Scope {
    guard scopes != ["*"] else { return .all }
    var names: [String] = []
    for scope in scopes {
      guard !scope.contains("*") else {
        throw Refusal(
          "\(place) has \(scope.quotedForMessage): expected * alone, or whole names of repositories")
      }
      let parts = scope.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      do throws(InvalidValue) {
        guard parts.count == 2 else {
          throw .malformed(
            "\(scope.quotedForMessage) has no registry: expected REGISTRY/REPOSITORY, without a tag")
        }
        let registry = try ImageReference.registry(parsing: parts[0])
        names.append("\(registry.lowercased())/\(try RepositoryName(parsing: parts[1]))")
      } catch {
        throw Refusal("\(place): \(error)")
      }
    }
    return .repositories(names)
  }

  private static func level(
    _ value: OrderedJSON, _ place: String
  ) throws(Refusal) -> (NotationVerificationLevel, Statement.TimestampUse) {
    let object = try object(value, place, allowed: ["level", "override", "verifyTimestamp"])
    let base = try choice(
      try text(object, "level", place), "\(place).level", NotationVerificationLevel.Base.self)
    var timestampUse = Statement.TimestampUse.always
    if object["verifyTimestamp"] != nil {
      timestampUse = try choice(
        try text(object, "verifyTimestamp", place), "\(place).verifyTimestamp", Statement.TimestampUse.self)
    }
    guard let override = object["override"] else { return (NotationVerificationLevel(base), timestampUse) }
    guard base != .skip else { throw Refusal("\(place).override is not for the level skip") }
    var overrides: [NotationCheck: NotationCheck.Action] = [:]
    let checks = NotationCheck.allCases.filter { $0 != .integrity }
    let members = try self.object(override, "\(place).override", allowed: checks.map(\.rawValue))
    for check in checks where members[check.rawValue] != nil {
      let path = "\(place).override.\(check.rawValue)"
      let action = try choice(
        try text(members, check.rawValue, "\(place).override"), path, NotationCheck.Action.self)
      guard action != .skip || check == .revocation else {
        throw Refusal("\(path) is skip: expected enforce or log")
      }
      overrides[check] = action
    }
    return (NotationVerificationLevel(base, overrides: overrides), timestampUse)
  }

  private static func stores(_ texts: [String], _ place: String) throws(Refusal) -> [NotationTrustStore] {
    var stores: [NotationTrustStore] = []
    for text in texts {
      do { stores.append(try NotationTrustStore(parsing: text)) } catch {
        throw Refusal("\(place): \(error)")
      }
    }
    return stores
  }

  private static func identities(_ texts: [String], _ place: String) throws(Refusal) -> Statement.Identities {
    guard texts != ["*"] else { return .all }
    guard !texts.contains("*") else { throw Refusal("\(place) has * beside others: expected * alone") }
    var identities: [NotationIdentity] = []
    for text in texts {
      let identity: NotationIdentity
      do { identity = try NotationIdentity(parsing: text) } catch { throw Refusal("\(place): \(error)") }
      if let other = identities.first(where: { $0.includes(identity) || identity.includes($0) }) {
        throw Refusal(
          "\(place): \(text.quotedForMessage) and \(other.description.quotedForMessage) overlap: leave the narrower "
            + "one out")
      }
      identities.append(identity)
    }
    return .some(identities)
  }

  // MARK: Properties

  private static func object(
    _ value: OrderedJSON, _ place: String, allowed: [String]
  ) throws(Refusal) -> OrderedJSON {
    guard value.isObject else { throw Refusal("\(place.isEmpty ? "it" : place) is no JSON object") }
    if let unknown = value.members.first(where: { !allowed.contains($0.name) }) {
      throw Refusal(
        "\(path(place, unknown.name)) is not known: expected \(allowed.joined(separator: ", "))")
    }
    return value
  }

  private static func text(_ object: OrderedJSON, _ name: String, _ place: String) throws(Refusal) -> String {
    guard let value = object[name] else { throw Refusal("\(path(place, name)) is missing") }
    guard let text = value.string else { throw Refusal("\(path(place, name)) is no string") }
    return text
  }

  private static func list(
    _ object: OrderedJSON, _ name: String, _ place: String
  ) throws(Refusal) -> [OrderedJSON] {
    guard let value = object[name] else { throw Refusal("\(path(place, name)) is missing") }
    guard case .array(let elements) = value else { throw Refusal("\(path(place, name)) is no list") }
    return elements
  }

  private static func texts(
    _ object: OrderedJSON, _ name: String, _ place: String
  ) throws(Refusal) -> [String] {
    let elements = try list(object, name, place)
    let texts = elements.compactMap(\.string)
    guard texts.count == elements.count else {
      throw Refusal("\(path(place, name)) has an element that is no string")
    }
    guard !texts.isEmpty else { throw Refusal("\(path(place, name)) is empty: expected at least one") }
    return texts
  }

  private static func optionalTexts(
    _ object: OrderedJSON, _ name: String, _ place: String
  ) throws(Refusal) -> [OrderedJSON] {
    object[name] == nil ? [] : try list(object, name, place)
  }

  private static func choice<Value: RawRepresentable & CaseIterable>(
    _ text: String, _ place: String, _ type: Value.Type
  ) throws(Refusal) -> Value where Value.RawValue == String {
    guard let value = Value(rawValue: text) else {
      throw Refusal(
        "\(place) is \(text.quotedForMessage): expected "
          + Value.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  private static func path(_ place: String, _ name: String) -> String {
    place.isEmpty ? name : "\(place).\(name)"
  }
}

extension NotationTrustPolicy.Statement {
  fileprivate var scopeTexts: [String] {
    switch scope {
    case .all: ["*"]
    case .repositories(let names): names
    }
  }
}
