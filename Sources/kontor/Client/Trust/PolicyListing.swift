import ContainerImage
import Runtimes
import Trust

/// The rules of a policy, for people and for programs.
struct PolicyListing {
  let policy: Policy

  /// A line a rule.
  var lines: [String] { policy.allRules.map { Self.line(Self.place($0.scope, in: $0.transport), $0.rule) } }

  static func line(_ place: PolicyEditor.Place, _ rule: PolicyRule) -> String { "\(place): \(rule.summary)" }

  private static func place(_ scope: String?, in transport: String?) -> PolicyEditor.Place {
    guard let scope, let transport else { return .fallback }
    return .scope(scope, transport: transport)
  }

  /// A list; the last element, without transport and scope, is for all else.
  var json: OrderedJSON {
    .array(
      policy.allRules.map { transport, scope, rule in
        var json = OrderedJSON.object([])
        if let transport, let scope {
          json["transport"] = .string(transport)
          json["scope"] = .string(scope)
        }
        json["requirements"] = .array(rule.requirements.map(Self.json))
        return json
      })
  }

  private static func json(_ requirement: PolicyRequirement) -> OrderedJSON {
    var json = OrderedJSON.object([])
    json["type"] = .string(requirement.type)
    if !requirement.signers.isEmpty { json["signers"] = .array(requirement.signers.map(Self.json)) }
    if !requirement.parts.isEmpty { json["requirements"] = .array(requirement.parts.map(Self.json)) }
    return json
  }

  private static func json(_ signer: Signer) -> OrderedJSON {
    var json = OrderedJSON.object([])
    switch signer {
    case .openPGP(let fingerprint, let userIDs):
      json["fingerprint"] = .string("\(fingerprint)")
      json["userIDs"] = .array(userIDs.map { .string($0) })
    case .publicKey(let keyID): json["publicKey"] = .string("sha256:\(keyID)")
    case .identity(let issuer, let subject):
      json["issuer"] = .string(issuer)
      json["subject"] = .string(subject)
    case .certificate(let subject, let fingerprint):
      json["subject"] = .string(subject)
      json["certificate"] = .string("sha256:\(fingerprint)")
    }
    return json
  }
}
