import ContainerImage
import FoundationEssentials

/// What a token of Docker's protocol says (Distribution, "Docker Registry v2 Bearer token specification"). Times are whole
/// seconds.
public struct TokenClaims: Sendable, Hashable {
  /// Whoever may use it.
  public let identity: Identity
  public let issuer: String
  public let audience: [String]
  public let expires: Date
  public let notBefore: Date?
  public let issuedAt: Date?
  /// A different one for each token; empty if another issuer gave none.
  public let id: String
  public let access: [TokenScope]

  /// The identity's name; empty for `Identity.anonymous`.
  public var subject: String { identity.name }

  private enum Name {
    static let kind = "kontor_kind"
    static let groups = "kontor_groups"
  }

  /// - Parameter id: by default, 128 bits of chance.
  public init(
    identity: Identity, issuer: String, audience: [String], access: [TokenScope], issuedAt: Date?,
    notBefore: Date?, expires: Date, id: String = TokenClaims.newID()
  ) {
    self.identity = identity
    self.issuer = issuer
    self.audience = audience
    self.access = access
    self.issuedAt = issuedAt.map(Self.wholeSeconds)
    self.notBefore = notBefore.map(Self.wholeSeconds)
    self.expires = Self.wholeSeconds(expires)
    self.id = id
  }

  /// A token that is valid from `now` on.
  /// - Parameter lifetime: seconds; Distribution's clients expect at least 60.
  public init(
    identity: Identity, issuer: String, audience: String, access: [TokenScope], at now: Date, lifetime: Int
  ) {
    self.init(
      identity: identity, issuer: issuer, audience: [audience], access: access, issuedAt: now, notBefore: now,
      expires: now.addingTimeInterval(TimeInterval(lifetime)))
  }

  public static func newID() -> String {
    (0..<16).map { _ in UInt8.random(in: .min ... .max) }.lowerHexadecimal
  }

  private static func wholeSeconds(_ time: Date) -> Date {
    Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down))
  }

  // MARK: - JSON

  /// - Parameter claims: of a verified token. An issuer that does not say what its subjects are has users.
  /// - Throws: `TokenRefusal.malformed`
  init(_ claims: OrderedJSON) throws(TokenRefusal) {
    func text(_ name: String) throws(TokenRefusal) -> String {
      guard let value = claims[name], value != .literal("null") else { return "" }
      guard let text = value.string else { throw .malformed(reason: "its \(name) is no text") }
      return text
    }
    func list(_ name: String, of value: OrderedJSON?) throws(TokenRefusal) -> [OrderedJSON] {
      // Programs in Go write a list without elements as null.
      guard let value, value != .literal("null") else { return [] }
      guard case .array(let elements) = value else { throw .malformed(reason: "its \(name) is no list") }
      return elements
    }
    func texts(_ name: String, of value: OrderedJSON?) throws(TokenRefusal) -> [String] {
      let values = try list(name, of: value)
      let texts = values.compactMap(\.string)
      guard texts.count == values.count else { throw .malformed(reason: "its \(name) has what is no text") }
      return texts
    }
    guard let expires = try JSONWebToken.time("exp", of: claims) else {
      throw .malformed(reason: "it does not say when it expires (exp)")
    }
    let subject = try text("sub")
    let kind: Identity.Kind
    if let named = claims[Name.kind] {
      guard let known = named.string.flatMap(Identity.Kind.init(rawValue:)),
        (known == .anonymous) == subject.isEmpty
      else { throw .malformed(reason: "its \(Name.kind) does not suit its subject") }
      kind = known
    } else {
      kind = subject.isEmpty ? .anonymous : .user
    }
    if kind != .anonymous, let problem = subject.problemAsName {
      throw .malformed(reason: "its subject is no name: \(problem)")
    }
    let groups = try texts(Name.groups, of: claims[Name.groups])
    var access: [TokenScope] = []
    for value in try list("access", of: claims["access"]) {
      guard let type = value["type"]?.string, let name = value["name"]?.string else {
        throw .malformed(reason: "its access has an element without type or name")
      }
      access.append(
        TokenScope(
          type: type, resourceClass: value["class"]?.string, name: name,
          actions: try texts("actions", of: value["actions"])))
    }
    guard access.count <= TokenScope.maximumCount else {
      throw .malformed(reason: "its access has more than \(TokenScope.maximumCount) elements")
    }
    self.init(
      identity: Identity(kind: kind, name: subject, groups: kind == .anonymous ? [] : Set(groups)),
      issuer: try text("iss"), audience: try JSONWebToken.audience(of: claims), access: access,
      issuedAt: try JSONWebToken.time("iat", of: claims), notBefore: try JSONWebToken.time("nbf", of: claims),
      expires: expires, id: try text("jti"))
  }

  var json: OrderedJSON {
    func seconds(_ time: Date) -> OrderedJSON { .literal("\(Int64(time.timeIntervalSince1970))") }
    func texts(_ values: some Sequence<String>) -> OrderedJSON { .array(values.map { .string($0) }) }
    var claims = OrderedJSON.object([])
    claims["iss"] = .string(issuer)
    claims["sub"] = .string(subject)
    // Older readers know one only.
    claims["aud"] = audience.count == 1 ? .string(audience[0]) : texts(audience)
    claims["exp"] = seconds(expires)
    claims["nbf"] = notBefore.map(seconds)
    claims["iat"] = issuedAt.map(seconds)
    claims["jti"] = .string(id)
    claims["access"] = .array(
      access.map { scope in
        var element = OrderedJSON.object([])
        element["type"] = .string(scope.type)
        element["class"] = scope.resourceClass.map { .string($0) }
        element["name"] = .string(scope.name)
        element["actions"] = texts(scope.actions)
        return element
      })
    claims[Name.kind] = .string(identity.kind.rawValue)
    claims[Name.groups] = identity.groups.isEmpty ? nil : texts(identity.groups.sorted())
    return claims
  }
}
