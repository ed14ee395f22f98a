import ContainerImage
import ImageTransfer

/// A blob that an archive's images need and the archive has not, because the other side has it.
public struct OmittedBlob: Sendable, Hashable, Codable {
  public let digest: Digest
  /// Bytes.
  public let size: Int64
  /// Where it is, as inventories said, in their order; at most `mostRepositories`.
  public let repositories: [QualifiedRepository]

  /// More places are not worth being asked.
  static let mostRepositories = 8

  init(_ blob: Descriptor, in repositories: [QualifiedRepository]) {
    digest = blob.digest
    size = blob.size
    self.repositories = Array(repositories.prefix(Self.mostRepositories))
  }

  private enum CodingKeys: String, CodingKey { case digest, size, repositories }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    digest = try container.decode(Digest.self, forKey: .digest)
    size = try container.decode(Int64.self, forKey: .size)
    repositories = try container.decode([String].self, forKey: .repositories).prefix(Self.mostRepositories)
      .map {
        try QualifiedRepository(parsing: $0[...])
      }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(digest, forKey: .digest)
    try container.encode(size, forKey: .size)
    try container.encode(repositories.map(\.description), forKey: .repositories)
  }
}

/// The entry `kontor.json` of an archive that has not all blobs of its images.
struct OmittedBlobsFile: Codable {
  static let name = "kontor.json"
  /// Bytes.
  static let largest = 64 << 20
  private static let knownVersion = 1

  var version = Self.knownVersion
  var omitted: [OmittedBlob]

  init(_ omitted: [OmittedBlob]) { self.omitted = omitted }

  /// The same for equal values.
  var bytes: [UInt8] { get throws { try stableJSON(self) } }

  /// - Parameter archive: what messages call it.
  /// - Throws: `TransferError.notAnImage`
  init(parsing bytes: [UInt8], of archive: String) throws(TransferError) {
    struct Version: Decodable { var version: Int }
    do {
      let version = try InvalidValue.decode(Version.self, from: bytes, what: "it").version
      guard version == Self.knownVersion else {
        throw InvalidValue.malformed("its version is \(version), which a newer kontor may understand")
      }
      self = try InvalidValue.decode(Self.self, from: bytes, what: "it")
    } catch {
      throw .notAnImage("\(Self.name) in \(archive) cannot be used: \(error)")
    }
  }
}
