import ContainerImage
import FoundationEssentials
import GRDB

extension MetadataStore {
  /// The last list of a repository's tags that was signed, whether it still holds or not.
  public func tagList(of repository: RepositoryName) throws(StorageError) -> StoredTagList? {
    let found = try reader().first(
      """
      SELECT version, expires_at, signer, basis, tags_digest, content FROM tag_list WHERE repository = ?1
      """, [.text(repository.description)], StoredTagList.init(row:))
    return found ?? nil
  }

  /// Keeps a list in the place of the former one.
  public func putTagList(_ list: StoredTagList, of repository: RepositoryName) async throws {
    let content = Data(list.content.readableBytesView)
    try await write("store a tag list") { database in
      try database.run(
        """
        INSERT INTO tag_list (repository, version, expires_at, signer, basis, tags_digest, content)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (repository) DO UPDATE SET
          version = excluded.version, expires_at = excluded.expires_at, signer = excluded.signer,
          basis = excluded.basis, tags_digest = excluded.tags_digest, content = excluded.content
        """,
        [
          repository.description, list.version, list.expiresAt, list.signer, list.basis,
          list.tagsDigest.description, content,
        ])
    }
  }

  /// What a tag means.
  public struct TaggedManifest: Sendable, Hashable {
    public let tag: Tag
    public let digest: Digest
    /// Bytes.
    public let size: Int64
  }

  /// All tags of a repository at one moment, in the order of their bytes.
  /// - Parameter limit: at most so many.
  public func taggedManifests(
    in repository: RepositoryName, limit: Int
  ) throws(StorageError) -> [TaggedManifest] {
    var found: [TaggedManifest] = []
    try reader().query(
      """
      SELECT t.name, m.digest, m.size
      FROM repository AS r JOIN tag AS t ON t.repository_id = r.id JOIN manifest AS m ON m.id = t.manifest_id
      WHERE r.name = ?1 ORDER BY t.name LIMIT ?2
      """, [.text(repository.description), .integer(Int64(limit))]
    ) { row in
      if let tag = try? Tag(parsing: row.text(0)), let digest = try? Digest(parsing: row.text(1)) {
        found.append(TaggedManifest(tag: tag, digest: digest, size: row.integer(2)))
      }
      return true
    }
    return found
  }
}
