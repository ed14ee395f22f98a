import ContainerImage
import FoundationEssentials

/// What is signed: a document that says that a manifest is a certain image (containers/image, containers-signature(5)).
public struct SimpleSigningPayload: Sendable, Hashable {
  /// Whose document it is, by the text that it names itself with, so that none is taken for another one.
  public enum Kind: String, Sendable, Hashable {
    /// Podman's and skopeo's, in an OpenPGP message.
    case openPGP = "atomic container signature"
    case cosign = "cosign container image signature"
  }

  public let kind: Kind
  public let manifestDigest: Digest
  /// The image that its signer says it is. cosign leaves out the tag.
  public let reference: ImageReference
  /// The program that made it.
  public let creator: String?
  /// When it was made, as its maker says, in whole seconds.
  public let created: Date?

  public init(
    _ kind: Kind, manifestDigest: Digest, reference: ImageReference, creator: String?, created: Date?
  ) {
    self.kind = kind
    self.manifestDigest = manifestDigest
    self.reference = reference
    self.creator = creator
    self.created = created
  }

  /// Takes nothing that it does not know, but for what is in `optional`, and no name twice.
  /// - Throws: `InvalidValue`
  public init(parsing bytes: [UInt8], as kind: Kind) throws(InvalidValue) {
    let document = JSONNode(try OrderedJSON(strictlyParsing: bytes, what: "what is signed"))
    let parts = try document.members("critical", "optional")
    let critical = try parts.needed("critical").members("type", "image", "identity")
    let type = try critical.needed("type")
    let image = try critical.needed("image").members("docker-manifest-digest")
    let identity = try critical.needed("identity").members("docker-reference")
    let optional = try parts.needed("optional")
    guard try type.string() == kind.rawValue else {
      throw type.failure("expected \(kind.rawValue.quotedForMessage)")
    }
    self.kind = kind
    manifestDigest = try image.needed("docker-manifest-digest").parsed { text throws(InvalidValue) in
      try Digest(parsing: text)
    }
    reference = try identity.needed("docker-reference").parsed { text throws(InvalidValue) in
      try ImageReference(parsing: text)
    }
    // cosign writes null for no further members.
    guard kind != .cosign || optional.value != .literal("null") else {
      creator = nil
      created = nil
      return
    }
    let further = try optional.members()
    creator = try further.first { $0.name == "creator" }?.node.text()
    created = try further.first { $0.name == "timestamp" }?.node.seconds()
  }

  /// The document, in the order in which containers/image writes it.
  public var bytes: [UInt8] {
    func object(_ members: (String, OrderedJSON)...) -> OrderedJSON {
      .object(members.map { OrderedJSON.Member(name: $0.0, value: $0.1) })
    }
    var optional = object()
    if let creator { optional["creator"] = .string(creator) }
    if let created { optional["timestamp"] = .literal("\(Int64(created.timeIntervalSince1970))") }
    let document = object(
      (
        "critical",
        object(
          ("identity", object(("docker-reference", .string(reference.description)))),
          ("image", object(("docker-manifest-digest", .string(manifestDigest.description)))),
          ("type", .string(kind.rawValue)))
      ), ("optional", optional))
    return Array(document.line.utf8)
  }
}

extension JSONNode {
  fileprivate func seconds() throws(InvalidValue) -> Date {
    guard case .literal(let text) = value, let number = Double(text), Int64(exactly: number) != nil else {
      throw failure("expected a whole number of seconds since 1970")
    }
    return Date(timeIntervalSince1970: number)
  }

  /// A text that is a value of another type.
  package func parsed<Value>(_ parse: (String) throws(InvalidValue) -> Value) throws(InvalidValue) -> Value {
    do {
      return try parse(try string())
    } catch {
      throw place.isEmpty ? error : .malformed("\(place): \(error)")
    }
  }
}
