import ContainerImage
import FoundationEssentials
import Trust

/// Which identity a job of another system has, by the ID token that the system gives it (OpenID Connect Core 1.0, section 2).
public struct WorkloadRule: Sendable {
  /// What `iss` has to be, byte by byte. It says where its keys are (`IssuerDocument`).
  public let issuer: String
  /// What `aud` has to be, or to have among others.
  public let audience: String
  public let identity: Identity
  /// Such as `[0]`.
  public let place: String
  /// Of each claim, one of the patterns has to match.
  private let claims: [(name: String, patterns: [PathPattern])]

  fileprivate init(_ node: JSONNode) throws(InvalidValue) {
    let members = try node.members("issuer", "audience", "claims", "name", "groups")
    let issuer = try members.needed("issuer")
    self.issuer = try issuer.string()
    guard IssuerDocument.isAddress(self.issuer), !self.issuer.utf8.contains(UInt8(ascii: "?")) else {
      throw issuer.failure(
        "\(self.issuer.quotedForMessage) is no issuer: expected https://…, or http:// for this machine itself"
      )
    }
    audience = try members.needed("audience").string()
    let claimsNode = try members.needed("claims")
    var claims: [(name: String, patterns: [PathPattern])] = []
    for (name, node) in try claimsNode.members() {
      let nodes = node.value.string == nil ? try node.elements() : [node]
      var patterns: [PathPattern] = []
      for node in nodes {
        patterns.append(try node.parsed { text throws(InvalidValue) in try PathPattern(parsing: text) })
      }
      claims.append((name, patterns))
    }
    guard !claims.isEmpty else {
      throw claimsNode.failure("name at least one claim: everybody can get a token of a public issuer")
    }
    self.claims = claims
    let nameNode = try members.needed("name")
    let name = try nameNode.string()
    if let problem = name.problemAsName { throw nameNode.failure(problem) }
    var groups: Set<String> = []
    for element in try members["groups"]?.list() ?? [] {
      let group = try element.string()
      if let problem = group.problemAsName { throw element.failure(problem) }
      groups.insert(group)
    }
    identity = Identity(kind: .workload, name: name, groups: groups)
    place = node.place
  }

  /// - Parameter token: claims of a token that was verified with the keys of this rule's issuer.
  func matches(_ token: OrderedJSON) -> Bool {
    guard token["iss"]?.string?.isExactly(issuer) == true,
      let audiences = try? JSONWebToken.audience(of: token),
      audiences.contains(where: { $0.isExactly(audience) })
    else { return false }
    return claims.allSatisfy { claim in
      let values = token.member(exactly: claim.name).map(Self.texts) ?? []
      return values.contains { value in
        let path = PathPattern.Path(value)
        return claim.patterns.contains { $0.matches(path) }
      }
    }
  }

  /// A text, a number or a truth value as it is written, or those of a list.
  private static func texts(_ value: OrderedJSON) -> [String] {
    switch value {
    case .string(let text): [text]
    case .literal("null"), .object: []
    case .literal(let text): [text]
    case .array(let values):
      values.flatMap { value -> [String] in
        if case .array = value { return [] }
        return texts(value)
      }
    }
  }
}

/// A list of `WorkloadRule`s, of which the first that matches counts.
public struct WorkloadRules: Sendable {
  /// Bytes.
  public static let maximumSize = 1 << 20

  public let rules: [WorkloadRule]

  /// - Parameters:
  ///   - bytes: a list in JSON; see docs/access.md. At most `maximumSize`.
  ///   - what: the document, as the subject of a sentence.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public init(parsing bytes: [UInt8], what: String) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    do throws(InvalidValue) {
      var rules: [WorkloadRule] = []
      for node in try JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it")).list() {
        rules.append(try WorkloadRule(node))
      }
      self.rules = rules
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }

  /// Whether tokens of the issuer may say who somebody is.
  public func know(issuer: String) -> Bool { rules.contains { $0.issuer.isExactly(issuer) } }

  /// Whether a rule gives this identity still.
  public func give(_ identity: Identity) -> Bool { rules.contains { $0.identity == identity } }

  /// - Parameter claims: what `JSONWebToken.verify` gives for a token, by the keys of the issuer that the claims name.
  /// - Returns: nil if no rule is for it.
  public func holder(of claims: OrderedJSON) -> (identity: Identity, expires: Date, rule: String)? {
    guard let rule = rules.first(where: { $0.matches(claims) }),
      let expires = try? JSONWebToken.time("exp", of: claims)
    else { return nil }
    return (rule.identity, expires, rule.place)
  }
}
