import ContainerImage
import FoundationEssentials

/// Reads a policy's rules with the keys that they name, and keeps a hash of all that it reads.
struct PolicyReader {
  /// Counts how often rules of this program became others, so that what was decided by the former ones is decided anew.
  private static let edition = "Kontor policy 1"

  let files: PolicyFiles
  let time: Date
  private var hasher = ContentHasher(.sha256)

  init(files: PolicyFiles, time: Date, document: [UInt8]) {
    self.files = files
    self.time = time
    note(Array(Self.edition.utf8))
    note(document)
  }

  var revision: Digest { hasher.digest() }

  mutating func transports(
    _ node: JSONNode
  ) throws(InvalidValue) -> [String: [String: PolicyRule]] {
    var transports: [String: [String: PolicyRule]] = [:]
    for (transport, node) in try node.members() {
      var scopes: [String: PolicyRule] = [:]
      for (scope, node) in try node.members() {
        if !scope.isEmpty, let problem = Self.problem(of: scope, in: transport) {
          throw node.failure("the scope \(problem)")
        }
        scopes[scope] = try rule(node)
      }
      transports[transport] = scopes
    }
    return transports
  }

  mutating func rule(_ node: JSONNode) throws(InvalidValue) -> PolicyRule {
    PolicyRule(place: node.place, requirements: try requirements(node))
  }

  mutating func requirements(_ node: JSONNode) throws(InvalidValue) -> [PolicyRequirement] {
    var requirements: [PolicyRequirement] = []
    for element in try node.elements() { requirements.append(try requirement(element)) }
    return requirements
  }

  private mutating func requirement(_ node: JSONNode) throws(InvalidValue) -> PolicyRequirement {
    let type = try node.string(of: "type")
    let kind: PolicyRequirement.Kind
    switch type {
    case "insecureAcceptAnything":
      _ = try node.members("type")
      kind = .insecureAcceptAnything
    case "reject":
      _ = try node.members("type")
      kind = .reject
    case "signedBy": kind = .signedBy(try signedBy(node))
    case "sigstoreSigned": kind = .sigstoreSigned(try sigstoreSigned(node))
    case "notation": kind = .notation(try notation(node))
    case "anyOf", "allOf":
      let parts = try requirements(try node.members("type", "requirements").needed("requirements"))
      kind = type == "anyOf" ? .anyOf(parts) : .allOf(parts)
    default:
      throw node.failure(
        "there is no type \(type.quotedForMessage): expected insecureAcceptAnything, reject, signedBy, "
          + "sigstoreSigned, notation, anyOf or allOf")
    }
    return PolicyRequirement(place: node.place, kind: kind)
  }

  private mutating func signedBy(_ node: JSONNode) throws(InvalidValue) -> SignedByRequirement {
    let members = try node.members("type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity")
    let keyType = try members.needed("keyType")
    guard try keyType.string() == "GPGKeys" else { throw keyType.failure("only GPGKeys is supported") }
    var keyring = OpenPGPKeyring()
    for key in try neededMaterial("key", of: members) {
      do {
        keyring.add(try OpenPGPKeyring(parsing: key.bytes, at: time))
      } catch {
        throw key.failure("\(error)")
      }
    }
    return SignedByRequirement(keyring: keyring, identity: try identity(members["signedIdentity"]))
  }

  /// - Returns: why no image can be in the scope; nil if one can, or if that is not known.
  static func problem(of scope: String, in transport: String) -> String? {
    switch transport {
    case "docker", "atomic": DockerScope.problem(of: scope)
    case "docker-daemon":
      (try? Digest(parsing: scope)) == nil
        ? DockerScope.problem(of: scope) : "is an image's ID: for those, only the scope \"\" counts"
    case "dir", "oci", "oci-archive", "sif":
      scope.isPlainAbsolutePath
        ? nil : "is not an absolute path without '.', '..' and superfluous slashes; for all paths write \"\""
    case "docker-archive", "tarball": "must be \"\": these images have no other"
    case "containers-storage":
      scope.hasPrefix("[") && scope.contains("]")
        ? nil : "does not begin with a store, such as [overlay@/PATH]"
    default: nil
    }
  }
}

// MARK: - Parts that several requirements have

extension PolicyReader {
  /// Keys or certificates, and where the policy has them from.
  struct Material {
    let bytes: [UInt8]
    let node: JSONNode
    /// Nil if they are in the policy itself.
    let path: String?

    func failure(_ reason: String) -> InvalidValue {
      node.failure(path.map { "\($0): \(reason)" } ?? reason)
    }
  }

  /// What one of the members `<stem>Path`, `<stem>Paths`, `<stem>Data` and `<stem>Datas` gives; nothing if there is none.
  mutating func material(
    _ stem: String, of members: JSONNode.Members
  ) throws(InvalidValue) -> [Material] {
    let present = ["Path", "Paths", "Data", "Datas"].filter { members[stem + $0] != nil }
    guard present.count <= 1 else {
      throw members.object.failure(
        "expected only one of " + present.map { stem + $0 }.joined(separator: ", "))
    }
    guard let suffix = present.first, let member = members[stem + suffix] else { return [] }
    var materials: [Material] = []
    for one in suffix.hasSuffix("s") ? try member.elements() : [member] {
      if suffix.hasPrefix("Data") {
        materials.append(Material(bytes: try one.data(), node: one, path: nil))
      } else {
        let path = try one.string()
        materials.append(Material(bytes: try contents(of: path, for: one), node: one, path: path))
      }
    }
    return materials
  }

  mutating func neededMaterial(
    _ stem: String, of members: JSONNode.Members
  ) throws(InvalidValue) -> [Material] {
    let materials = try material(stem, of: members)
    guard !materials.isEmpty else { throw members.object.failure("\(stem)Path or \(stem)Data is missing") }
    return materials
  }

  mutating func contents(of path: String, for node: JSONNode) throws(InvalidValue) -> [UInt8] {
    let bytes: [UInt8]
    do { bytes = try files.read(path) } catch { throw node.failure("cannot read \(path): \(error)") }
    note(Array(path.utf8))
    note(bytes)
    return bytes
  }

  /// Whatever is read one after the other, no other things read have the same hash.
  private mutating func note(_ bytes: [UInt8]) {
    Array("\(bytes.count) ".utf8).withUnsafeBytes { hasher.update($0) }
    bytes.withUnsafeBytes { hasher.update($0) }
  }

  func identity(_ node: JSONNode?) throws(InvalidValue) -> SignedIdentity {
    guard let node else { return .matchRepoDigestOrExact }
    let type = try node.string(of: "type")
    switch type {
    case "matchExact", "matchRepoDigestOrExact", "matchRepository", "matchDigest":
      _ = try node.members("type")
      return switch type {
      case "matchExact": .matchExact
      case "matchRepository": .matchRepository
      case "matchDigest": .matchDigest
      default: .matchRepoDigestOrExact
      }
    case "exactReference":
      let (text, reference) = try reference("dockerReference", in: node)
      guard reference.tag != nil || reference.digest != nil else {
        throw text.failure("it has neither a tag nor a digest")
      }
      return .exactReference(reference)
    case "exactRepository":
      let (text, reference) = try reference("dockerRepository", in: node)
      guard reference.tag == nil, reference.digest == nil else {
        throw text.failure("it has a tag or a digest, which would not be looked at: use exactReference")
      }
      return .exactRepository(reference)
    case "remapIdentity":
      let members = try node.members("type", "prefix", "signedPrefix")
      return .remapIdentity(
        prefix: try prefix(try members.needed("prefix")),
        signedPrefix: try prefix(try members.needed("signedPrefix")))
    default:
      throw node.failure(
        "there is no type \(type.quotedForMessage): expected matchExact, matchRepoDigestOrExact, matchRepository, "
          + "exactReference, exactRepository, remapIdentity or matchDigest")
    }
  }

  private func reference(
    _ name: String, in node: JSONNode
  ) throws(InvalidValue) -> (JSONNode, ImageReference) {
    let text = try node.members("type", name).needed(name)
    return (text, try text.parsed { text throws(InvalidValue) in try ImageReference(parsing: text) })
  }

  private func prefix(_ node: JSONNode) throws(InvalidValue) -> String {
    let text = try node.string()
    if let problem = DockerScope.problem(of: text) { throw node.failure("it \(problem)") }
    let reference = text.contains("/") ? try? ImageReference(parsing: text) : nil
    guard !text.hasPrefix("*"), reference?.tag == nil, reference?.digest == nil else {
      throw node.failure("expected a registry's host, a namespace or a repository")
    }
    return text
  }
}

extension String {
  /// One in the form in which files are compared.
  fileprivate var isPlainAbsolutePath: Bool {
    guard hasPrefix("/"), self != "/" else { return false }
    return !dropFirst().split(separator: "/", omittingEmptySubsequences: false)
      .contains { $0.isEmpty || $0 == "." || $0 == ".." }
  }
}
