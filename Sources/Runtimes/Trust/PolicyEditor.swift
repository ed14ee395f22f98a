import ContainerImage
import FoundationEssentials
import ImageTransfer

/// A `policy.json` of which one rule is changed. All else in it stays as it is, in its order.
public struct PolicyEditor: Sendable {
  /// Where a rule stands.
  public enum Place: Sendable, Hashable, CustomStringConvertible {
    /// For all that no other rule is for.
    case fallback
    /// - Parameter scope: empty for all of the transport that is in no other scope.
    case scope(String, transport: String)

    public var description: String {
      switch self {
      case .fallback: "default"
      case .scope(let scope, let transport): "\(transport) \(scope.isEmpty ? "(all)" : scope)"
      }
    }
  }

  /// What becomes of the rule that is at the place already.
  public enum Precedence: Sendable {
    /// It stays, and the new one is refused.
    case refused
    case replaced
    /// It is enough if an image meets the one or the other.
    case joined
  }

  private var document: OrderedJSON

  /// - Throws: `InvalidValue` for what is no JSON object, or has a name twice.
  init(parsing bytes: [UInt8]) throws(InvalidValue) {
    document = try OrderedJSON(strictlyParsing: bytes, what: "it")
    guard document.isObject else { throw .malformed("it is no JSON object") }
  }

  var text: String { document.document }

  /// Puts a rule with one requirement at a place.
  /// - Throws: `TransferError.exists` if the rule that is there stays.
  public mutating func add(
    _ requirement: OrderedJSON, at place: Place, _ precedence: Precedence
  ) throws(TransferError) {
    guard let present = try rule(at: place), precedence != .replaced else {
      return setRule([requirement], at: place)
    }
    guard precedence == .joined else {
      throw .exists(
        "\(place) has a rule already: give --replace to put the new one in its place, or --also if either is to be "
          + "enough"
      )
    }
    guard present.isEmpty || !present.allSatisfy({ $0["type"]?.string == "insecureAcceptAnything" }) else {
      throw .exists("\(place) accepts any image, so that nothing counts beside it: give --replace")
    }
    setRule([Self.joined(present, requirement)], at: place)
  }

  /// Takes away the rule of a scope, and its transport if nothing is left of it.
  /// - Throws: `TransferError.notFound` if there is none.
  public mutating func remove(_ scope: String, in transport: String) throws(TransferError) {
    let place = Place.scope(scope, transport: transport)
    guard try rule(at: place) != nil, var transports = document["transports"],
      var scopes = transports[transport]
    else { throw .notFound("there is no rule for \(place)") }
    scopes[scope] = nil
    transports[transport] = scopes.members.isEmpty ? nil : scopes
    document["transports"] = transports
  }

  /// What the file has that containers/image, and so Podman and skopeo, refuse (docs/trust.md, "What Kontor adds"); nil if nothing.
  public var addition: String? {
    if document["kontor"] != nil { return "kontor" }
    let rules =
      [document["default"]].compactMap { $0 }
      + (document["transports"]?.members ?? []).flatMap { $0.value.members.map(\.value) }
    return rules.lazy.flatMap(\.elements).compactMap(Self.addition).first
  }

  private static func addition(in requirement: OrderedJSON) -> String? {
    if let type = requirement["type"]?.string, ["anyOf", "allOf", "notation"].contains(type) { return type }
    let own = ["predicateType", "trustedRootPath", "trustedRootData"].first { requirement[$0] != nil }
    if let own { return own }
    if requirement["fulcio"]?["subjectURI"] != nil { return "subjectURI" }
    return requirement["signedIdentity"]?["type"] == .string("matchDigest") ? "matchDigest" : nil
  }

  private func rule(at place: Place) throws(TransferError) -> [OrderedJSON]? {
    let found: OrderedJSON?
    switch place {
    case .fallback: found = document["default"]
    case .scope(let scope, let transport):
      guard let transports = document["transports"] else { return nil }
      guard transports.isObject, transports[transport]?.isObject != false else {
        throw .failed("the policy's transports are not what they should be: see 'kontor policy check'")
      }
      found = transports[transport]?[scope]
    }
    return found.map(\.elements)
  }

  private mutating func setRule(_ requirements: [OrderedJSON], at place: Place) {
    switch place {
    case .fallback: document["default"] = .array(requirements)
    case .scope(let scope, let transport):
      var transports = document["transports"] ?? .object([])
      var scopes = transports[transport] ?? .object([])
      scopes[scope] = .array(requirements)
      transports[transport] = scopes
      document["transports"] = transports
    }
  }

  /// One requirement that is met by whatever meets all of the rule, or the other one. Keys that count under the same conditions
  /// are together.
  private static func joined(_ rule: [OrderedJSON], _ requirement: OrderedJSON) -> OrderedJSON {
    var parts = rule.count == 1 ? rule.flatMap(\.alternatives) : [.combination("allOf", rule)]
    for new in requirement.alternatives where !parts.contains(new) {
      if let (index, merged) = parts.enumerated().lazy.compactMap({ index, part in
        part.merged(with: new).map { (index, $0) }
      }).first {
        parts[index] = merged
      } else {
        parts.append(new)
      }
    }
    return .oneOf(parts)
  }
}

extension OrderedJSON {
  static func object(_ name: String, _ value: OrderedJSON) -> OrderedJSON {
    .object([Member(name: name, value: value)])
  }

  /// A requirement that one of these is enough for, or that wants all of them.
  fileprivate static func combination(_ type: String, _ requirements: [OrderedJSON]) -> OrderedJSON {
    var combination = object("type", .string(type))
    combination["requirements"] = .array(requirements)
    return combination
  }

  static func oneOf(_ requirements: [OrderedJSON]) -> OrderedJSON {
    requirements.count == 1 ? requirements[0] : combination("anyOf", requirements)
  }

  /// A requirement's keys. One alone is written in the way that older programs read, too.
  mutating func setKeyPaths(_ paths: [OrderedJSON]) {
    if paths.count == 1 { self["keyPath"] = paths[0] } else { self["keyPaths"] = .array(paths) }
  }

  fileprivate var elements: [OrderedJSON] {
    if case .array(let elements) = self { return elements }
    return []
  }

  fileprivate var alternatives: [OrderedJSON] {
    self["type"] == .string("anyOf") ? self["requirements"]?.elements ?? [] : [self]
  }

  /// Of two requirements that differ in the files of their keys alone, the one with the keys of both; else nil.
  fileprivate func merged(with other: OrderedJSON) -> OrderedJSON? {
    guard let paths = keyPaths, let more = other.keyPaths, hasSameConditions(as: other) else { return nil }
    var merged = self
    merged["keyPath"] = nil
    merged["keyPaths"] = nil
    merged.setKeyPaths(paths + more.filter { !paths.contains($0) })
    return merged
  }

  private var keyPaths: [OrderedJSON]? { self["keyPath"].map { [$0] } ?? self["keyPaths"]?.elements }

  private func hasSameConditions(as other: OrderedJSON) -> Bool {
    func conditions(_ requirement: OrderedJSON) -> [Member] {
      requirement.members.filter { $0.name != "keyPath" && $0.name != "keyPaths" }.sorted {
        $0.name < $1.name
      }
    }
    return conditions(self) == conditions(other)
  }
}
