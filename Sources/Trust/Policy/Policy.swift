import ContainerImage
import FoundationEssentials

/// Which images are trusted: the content of a `policy.json` (containers/image, containers-policy.json(5)), with what
/// Kontor adds to it (docs/trust.md).
public struct Policy: Sendable {
  /// Bytes of the file.
  public static let maximumSize = 1 << 20

  /// The rule for all that no other is for.
  public let fallback: PolicyRule
  /// By transport, then by scope; the scope "" is the transport's own default.
  let rules: [String: [String: PolicyRule]]
  private let enforcement: [String: PolicyEnforcement]
  private let freshness: [String: TagListRequirement?]
  /// Another one if anything is another in the file, or in a file that it names: what was decided by the one
  /// does not hold for the other. SHA-256 over all of them, and over which rules this program has.
  public let revision: Digest

  /// Reads the whole policy and all that it names, so that nothing can be missing later.
  /// - Parameters:
  ///   - bytes: at most `maximumSize`.
  ///   - what: the file's name, for messages.
  ///   - files: reads the keys and certificates that the policy names.
  ///   - time: the present.
  /// - Throws: `TrustError.unusable`, with the place in the file in its reason.
  public init(
    parsing bytes: [UInt8], what: String, files: PolicyFiles, at time: Date
  ) throws(TrustError) {
    guard bytes.count <= Self.maximumSize else {
      throw .unusable(what: "the policy \(what)", reason: "it has more than \(Self.maximumSize) bytes")
    }
    do {
      var reader = PolicyReader(files: files, time: time, document: bytes)
      let document = JSONNode(try OrderedJSON(parsing: bytes))
      let parts = try document.members("default", "transports", "kontor")
      fallback = try reader.rule(try parts.needed("default"))
      rules = try parts["transports"].map { node throws(InvalidValue) in try reader.transports(node) } ?? [:]
      let own = try parts["kontor"]?.members("enforcement", "freshness")
      if let own, own["enforcement"] == nil, own["freshness"] == nil {
        throw own.object.failure("it is empty: expected enforcement or freshness")
      }
      enforcement = try (own?["enforcement"]).map(PolicyEnforcement.table) ?? [:]
      freshness =
        try (own?["freshness"]).map { node throws(InvalidValue) in try reader.freshness(node) } ?? [:]
      revision = reader.revision
    } catch {
      throw .unusable(what: "the policy \(what)", reason: "\(error)")
    }
  }

  /// The rule that applies: that of the narrowest scope, alone.
  public func rule(for place: PolicyPlace) -> PolicyRule {
    guard let scopes = rules[place.transport] else { return fallback }
    for scope in place.scopes {
      if let rule = scopes[scope] { return rule }
    }
    return scopes[""] ?? fallback
  }

  /// All rules with their transports and scopes, in their order as texts; the last one, without either, is for all else.
  public var allRules: [(transport: String?, scope: String?, rule: PolicyRule)] {
    var all: [(transport: String?, scope: String?, rule: PolicyRule)] = []
    for (transport, scopes) in rules.sorted(by: { $0.key < $1.key }) {
      for (scope, rule) in scopes.sorted(by: { $0.key < $1.key }) { all.append((transport, scope, rule)) }
    }
    return all + [(nil, nil, fallback)]
  }

  /// What a server does about the rule for a repository of its own.
  public func enforcement(for repository: ImageReference) -> PolicyEnforcement {
    Self.narrowest(enforcement, repository) ?? PolicyEnforcement()
  }

  /// Who has to sign the list of a repository's tags before a tag is believed.
  /// - Returns: nil if nobody has to.
  public func freshness(of repository: ImageReference) -> TagListRequirement? {
    Self.narrowest(freshness, repository) ?? nil
  }

  private static func narrowest<Value>(_ table: [String: Value], _ repository: ImageReference) -> Value? {
    if table.isEmpty { return nil }
    for scope in DockerScope.above(PolicyPlace.registry(repository).reference ?? repository) {
      if let found = table[scope] { return found }
    }
    return table[""]
  }
}

/// How a policy's files are read.
public struct PolicyFiles: Sendable {
  /// The content of a file.
  public let read: @Sendable (String) throws -> [UInt8]
  /// The names of the files in a directory.
  public let list: @Sendable (String) throws -> [String]

  public init(
    read: @escaping @Sendable (String) throws -> [UInt8],
    list: @escaping @Sendable (String) throws -> [String]
  ) {
    self.read = read
    self.list = list
  }
}

/// What a policy wants of the images in a scope: all its requirements.
public struct PolicyRule: Sendable {
  /// Where it stands in the file, such as `transports.docker["registry.example"]`.
  public let place: String
  /// Never empty.
  public let requirements: [PolicyRequirement]

  /// The forms of signatures to look for; none if the decision is the same whatever there is.
  public var formats: Set<SignatureVerdict.Format> { all.formats }

  public var needsSignatures: Bool { !formats.isEmpty }

  /// Its requirements, for people.
  public var summary: String { requirements.map(\.summary).joined(separator: " and ") }

  var all: PolicyRequirement { PolicyRequirement(place: place, kind: .allOf(requirements)) }
}
