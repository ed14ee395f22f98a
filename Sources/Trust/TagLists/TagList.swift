import ContainerImage
import FoundationEssentials

/// Which manifests a repository's tags mean, and until when that may be believed: what its registry signs, so that nobody can
/// pass a former state of it off as the present one.
///
/// In its signed form it is metadata `targets` of The Update Framework (TUF specification 1.0, section 4.5) in an envelope of
/// DSSE: each tag is a target, with hash and length of its manifest. Which repository it is of is said by a property of
/// Kontor's own, `repository`; readers of TUF pass over those that they do not know.
public struct TagList: Sendable, Hashable {
  /// Of the envelope.
  public static let mediaType = MediaType("application/vnd.dsse.envelope.v1+json")
  /// Bytes of the envelope: enough for 200,000 tags.
  public static let maximumSize = 64 << 20
  static let payloadType = "application/vnd.tuf+json"
  private static let type = "targets"

  /// The manifest that a tag means.
  public struct Target: Sendable, Hashable {
    public let digest: Digest
    /// Bytes.
    public let size: Int64

    public init(digest: Digest, size: Int64) {
      self.digest = digest
      self.size = size
    }
  }

  /// `registry.example/team/app`
  public let repository: String
  /// Another list of the repository with a higher one is later.
  public let version: Int64
  /// In whole seconds.
  public let expires: Date
  public let tags: [Tag: Target]

  /// - Parameters:
  ///   - repository: as its clients call it; a tag or digest counts for nothing.
  ///   - version: 1 or more.
  public init(of repository: ImageReference, version: Int64, expires: Date, tags: [Tag: Target]) {
    self.repository = repository.name
    self.version = version
    self.expires = Date(timeIntervalSince1970: expires.timeIntervalSince1970.rounded(.down))
    self.tags = tags
  }

  /// - Returns: the envelope, in JSON.
  /// - Throws: `TrustError.failed`
  public func signed(by key: SigningKey) throws(TrustError) -> [UInt8] {
    try DSSEEnvelope.sign(payload, type: Self.payloadType, by: key)
  }

  private var payload: [UInt8] {
    let targets = tags.sorted { $0.key < $1.key }.map { tag, target in
      let hash = OrderedJSON.Member(
        name: target.digest.algorithm.rawValue, value: .string(String(target.digest.encoded)))
      return OrderedJSON.Member(
        name: tag.description,
        value: .object([
          .init(name: "length", value: .literal("\(target.size)")),
          .init(name: "hashes", value: .object([hash])),
        ]))
    }
    let document = OrderedJSON.object([
      .init(name: "_type", value: .string(Self.type)),
      .init(name: "spec_version", value: .string("1.0.31")),
      .init(name: "repository", value: .string(repository)),
      .init(name: "version", value: .literal("\(version)")),
      .init(name: "expires", value: .string(expires.formatted(.iso8601))),
      .init(name: "targets", value: .object(targets)),
    ])
    return Array(document.line.utf8)
  }

  /// Reads what was signed.
  init(payload bytes: [UInt8]) throws(Refusal) {
    let document: OrderedJSON
    do { document = try OrderedJSON(strictlyParsing: bytes, what: "the list") } catch {
      throw Refusal("\(error)")
    }
    guard try document.text("_type") == Self.type else { throw Refusal("it is metadata of another role") }
    let edition = try document.text("spec_version")
    guard edition.hasPrefix("1.") else {
      throw Refusal("it is of the unknown edition \(edition.quotedForMessage) of TUF")
    }
    repository = try document.text("repository")
    version = try document.number("version")
    guard version > 0 else { throw Refusal("its version is \(version)") }
    guard let expires = RFC3339Time(try document.text("expires")) else {
      throw Refusal("the time when it expires is malformed")
    }
    self.expires = Date(timeIntervalSince1970: TimeInterval(expires.secondsSince1970))
    var tags: [Tag: Target] = [:]
    for member in try document.object("targets").members {
      do {
        tags[try Tag(parsing: member.name)] = try Target(member.value)
      } catch {
        throw Refusal("its entry \(member.name.quotedForMessage) cannot be used: \(error)")
      }
    }
    self.tags = tags
  }
}

extension TagList.Target {
  fileprivate init(_ value: OrderedJSON) throws(Refusal) {
    size = try value.number("length")
    let hashes = try value.object("hashes").members
    // Of two hashes one could be another manifest's.
    guard hashes.count == 1, let hash = hashes.first, let encoded = hash.value.string,
      let digest = try? Digest(parsing: "\(hash.name):\(encoded)")
    else { throw Refusal("it has not one hash of SHA-256 or SHA-512") }
    self.digest = digest
  }
}
