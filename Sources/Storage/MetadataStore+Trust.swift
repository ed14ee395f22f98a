import ContainerImage
import FoundationEssentials
import GRDB
import NIOCore

extension MetadataStore {
  /// - Returns: nil if there is none that holds now.
  public func verdict(_ key: StoredVerdict.Key) throws(StorageError) -> StoredVerdict? {
    let verdict = try verdict(key, reader())
    return verdict.flatMap { $0.holds ? $0 : nil }
  }

  /// - Returns: nil if there is none; one whose time may be over.
  func verdict(_ key: StoredVerdict.Key, _ reader: MetadataReader) throws(StorageError) -> StoredVerdict? {
    try reader.first(
      """
      SELECT v.refusal, v.valid_until
      FROM repository AS r
      JOIN manifest AS m ON m.repository_id = r.id AND m.digest = ?2
      JOIN verdict AS v ON v.repository_id = r.id AND v.manifest_id = m.id AND v.tag = ?3
        AND v.revision = ?4
      WHERE r.name = ?1
      """,
      [
        .text(key.repository.description), .text(key.manifest.description),
        .text(key.tag?.description ?? ""), .text(key.revision),
      ]
    ) { row in
      StoredVerdict(refusal: row.optionalText(0), validUntil: row.isNull(1) ? nil : row.integer(1))
    }
  }

  /// Records a verdict, unless what it rests on was changed since it was begun.
  /// - Parameter basis: from `trustBasis(of:)`, before anything was looked at.
  public func putVerdict(
    _ verdict: StoredVerdict, as key: StoredVerdict.Key, basis: Int64
  ) async throws {
    try await write("record a verdict") { database in
      guard let repository = try database.repository(key.repository),
        try database.integer("SELECT trust_basis FROM repository WHERE id = ?", [repository]) == basis,
        let manifest = try database.manifest(key.manifest, in: repository)
      else { return }
      try database.run(
        """
        INSERT OR REPLACE INTO verdict
          (repository_id, manifest_id, tag, revision, refusal, judged_at, valid_until)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [
          repository, manifest, key.tag?.description ?? "", key.revision, verdict.refusal,
          secondsSince1970(), verdict.validUntil,
        ])
    }
  }

  /// A number that changes whenever what verdicts in a repository rest on may have changed.
  /// - Returns: nil if there is no such repository.
  public func trustBasis(of repository: RepositoryName) throws(StorageError) -> Int64? {
    try reader().first(
      "SELECT trust_basis FROM repository WHERE name = ?1", [.text(repository.description)]
    ) { $0.integer(0) }
  }

  /// A signature of a form that no manifest holds.
  public struct Signature: Sendable, Hashable {
    /// What its maker calls it, unique for a manifest.
    public let name: String
    public let content: [UInt8]

    public init(name: String, content: [UInt8]) {
      self.name = name
      self.content = content
    }
  }

  /// What became of a signature.
  public enum PutSignature: Sendable, Equatable {
    case stored
    /// It is there, as it is.
    case known
    /// There is another one of its name.
    case taken
    /// The manifest has as many as are allowed.
    case tooMany
    case manifestUnknown
  }

  /// Stores a signature with a manifest; it goes when that does.
  /// - Parameter limit: so many may a manifest have.
  public func putSignature(
    _ signature: Signature, of manifest: Digest, in repository: RepositoryName, limit: Int
  ) async throws -> PutSignature {
    try await write("store a signature") { database in
      guard let repositoryID = try database.repository(repository),
        let manifestID = try database.manifest(manifest, in: repositoryID)
      else { return .manifestUnknown }
      let content = Data(signature.content)
      if let isSame = try database.integer(
        "SELECT content = ? FROM signature WHERE manifest_id = ? AND name = ?",
        [content, manifestID, signature.name])
      {
        return isSame == 1 ? .known : .taken
      }
      let count = try database.integer(
        "SELECT count(*) FROM signature WHERE manifest_id = ?", [manifestID])
      guard (count ?? 0) < limit else { return .tooMany }
      try database.run(
        "INSERT INTO signature (manifest_id, name, content) VALUES (?, ?, ?)",
        [manifestID, signature.name, content])
      try database.trustChanged(in: repositoryID)
      return .stored
    }
  }

  /// A manifest's signatures, as they came.
  public func signatures(
    of manifest: Digest, in repository: RepositoryName
  ) throws(StorageError) -> [Signature] {
    var found: [Signature] = []
    try reader().query(
      """
      SELECT s.name, s.content
      FROM repository AS r
      JOIN manifest AS m ON m.repository_id = r.id AND m.digest = ?2
      JOIN signature AS s ON s.manifest_id = m.id
      WHERE r.name = ?1
      ORDER BY s.id
      """, [.text(repository.description), .text(manifest.description)]
    ) { row in
      found.append(Signature(name: row.text(0), content: Array(row.bytes(1).readableBytesView)))
      return true
    }
    return found
  }

  /// The indexes of a repository that list a manifest.
  public func indexes(
    listing manifest: Digest, in repository: RepositoryName
  ) throws(StorageError) -> [ManifestRecord] {
    var found: [ManifestRecord] = []
    try reader().query(
      """
      SELECT m.digest, m.media_type, m.content
      FROM repository AS r JOIN manifest AS m ON m.repository_id = r.id
      WHERE r.name = ?1 AND m.media_type IN (?2, ?3) AND instr(m.content, ?4) > 0
      """,
      [
        .text(repository.description), .text(MediaType.ociImageIndex.description),
        .text(MediaType.dockerManifestList.description), .text(manifest.description),
      ]
    ) { row in
      if let record = ManifestRecord(row: row) { found.append(record) }
      return true
    }
    return found
  }
}

extension Database {
  /// What verdicts in the repository rest on may be another now: an image, a signature, or what lists an image.
  func trustChanged(in repository: Int64) throws {
    try run("UPDATE repository SET trust_basis = trust_basis + 1 WHERE id = ?", [repository])
    try run("DELETE FROM verdict WHERE repository_id = ?", [repository])
  }
}
