import ContainerImage
import GRDB

extension MetadataStore {
  /// Tags of a repository in the order of their bytes.
  /// - Parameters:
  ///   - last: only tags after this text, which need not be a tag of the repository.
  ///   - limit: at most so many.
  /// - Returns: nil if there is no such repository.
  public func tags(
    in repository: RepositoryName, after last: String?, limit: Int
  ) throws(StorageError) -> [Tag]? {
    guard try hasRepository(repository) else { return nil }
    var tags: [Tag] = []
    try reader().query(
      """
      SELECT t.name FROM repository AS r JOIN tag AS t ON t.repository_id = r.id
      WHERE r.name = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3
      """, [.text(repository.description), .text(last ?? ""), .integer(Int64(limit))]
    ) { row in
      if let tag = try? Tag(parsing: row.text(0)) { tags.append(tag) }
      return true
    }
    return tags
  }

  /// - Parameter isFixed: whether it is not to be deleted.
  /// - Throws: `FixedTag`, `StorageError`
  /// - Returns: false if it is not there.
  public func deleteTag(
    _ tag: Tag, in repository: RepositoryName, unless isFixed: Bool = false
  ) async throws -> Bool {
    try await writeFreeingSpace("delete a tag") { database in
      guard let id = try database.repository(repository) else { return false }
      if isFixed, let digest = try database.digest(of: tag, in: id) {
        throw FixedTag(tag: tag, digest: digest)
      }
      try database.run("DELETE FROM tag WHERE repository_id = ? AND name = ?", [id, tag.description])
      guard database.changesCount > 0 else { return false }
      try database.record(tag, of: repository, movedTo: nil, now: secondsSince1970())
      try database.nowHolds(tags: -1, repository)
      // It may have been by this tag that a signature was found.
      try database.trustChanged(in: id)
      return true
    }
  }
}

extension Database {
  /// What a tag means.
  func digest(of tag: Tag, in repository: Int64) throws -> Digest? {
    let text = try text(
      """
      SELECT m.digest FROM tag AS t JOIN manifest AS m ON m.id = t.manifest_id
      WHERE t.repository_id = ? AND t.name = ?
      """, [repository, tag.description])
    return text.flatMap { try? Digest(parsing: $0) }
  }

  func move(
    _ tag: Tag, of repository: RepositoryName, id: Int64, to manifest: Int64, _ digest: Digest, now: Int64
  ) throws {
    let current = try integer(
      "SELECT manifest_id FROM tag WHERE repository_id = ? AND name = ?", [id, tag.description])
    guard current != manifest else { return }
    if current == nil { try nowHolds(tags: 1, repository) }
    try run(
      """
      INSERT INTO tag (repository_id, name, manifest_id, moved_at) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (repository_id, name) DO UPDATE
        SET manifest_id = excluded.manifest_id, moved_at = excluded.moved_at
      """, [id, tag.description, manifest, now])
    try record(tag, of: repository, movedTo: digest, now: now)
  }

  fileprivate func record(_ tag: Tag, of repository: RepositoryName, movedTo digest: Digest?, now: Int64)
    throws
  {
    try run(
      "INSERT INTO tag_history (repository, tag, digest, moved_at) VALUES (?, ?, ?, ?)",
      [repository.description, tag.description, digest?.description, now])
  }
}
