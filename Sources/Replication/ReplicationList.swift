import Access
import ContainerImage
import Mirroring
import Trust

/// The rules of replication, and the registries that they are about.
public struct ReplicationList: Sendable {
  /// Bytes.
  public static let maximumSize = 1 << 20

  public let rules: [ReplicationRule]

  /// - Parameters:
  ///   - bytes: JSON; see docs/mirror.md. At most `maximumSize`.
  ///   - what: the document, as the subject of a sentence.
  ///   - upstreams: whose names may be used, too.
  /// - Throws: `AccessError.unusable`, `AccessError.tooLarge`
  public init(parsing bytes: [UInt8], what: String, upstreams: UpstreamList?) throws(AccessError) {
    guard bytes.count <= Self.maximumSize else { throw .tooLarge(what: what, limit: Self.maximumSize) }
    do throws(InvalidValue) {
      let document = try JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "it"))
        .members("registries", "rules")
      var registries: [String: RemoteRegistry] = [:]
      for upstream in upstreams?.upstreams ?? [] { registries[upstream.namespace] = upstream.registry }
      for node in try document["registries"]?.list() ?? [] {
        let members = try node.members(RemoteRegistry.keys + ["name"])
        let registry = try RemoteRegistry(named: members.needed("name"), members)
        guard registries.updateValue(registry, forKey: registry.name) == nil else {
          throw node.failure(
            "there is a registry \(registry.name.quotedForMessage) already, here or among the upstreams")
        }
      }
      var rules: [ReplicationRule] = []
      for node in try document.needed("rules").elements() {
        let rule = try ReplicationRule(node) { text throws(InvalidValue) in
          let name = try ImageReference.registry(parsing: text[...])
          if let known = registries[name] { return known }
          return try RemoteRegistry(named: name)
        }
        if rules.contains(where: { $0.name == rule.name }) {
          throw node.failure("there is a rule \(rule.name.quotedForMessage) already")
        }
        rules.append(rule)
      }
      self.rules = rules
    } catch {
      throw .unusable(what: what, reason: "\(error)")
    }
  }
}
