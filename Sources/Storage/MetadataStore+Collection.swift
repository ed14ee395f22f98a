import ContainerImage
import GRDB

/// How much is stored. Counting reads whole indexes: for a metrics scrape, not for a request.
public struct StorageTotals: Sendable, Equatable {
  public var repositories: Int64 = 0
  public var manifests: Int64 = 0
  public var tags: Int64 = 0
  public var blobs: Int64 = 0
  /// Of all blobs together.
  public var blobBytes: Int64 = 0
  public var uploads: Int64 = 0
}

extension MetadataStore {
  /// Blobs that a collection would drop now: links that nothing has needed since `time`, and bytes that no
  /// repository links. `limit` at most of each.
  func collectable(before time: Int64, limit: Int) throws(StorageError) -> [CollectableBlob] {
    var found: [CollectableBlob] = []
    try reader().query(
      """
      SELECT b.digest, b.size, r.name FROM repository_blob AS l
      JOIN blob AS b ON b.id = l.blob_id JOIN repository AS r ON r.id = l.repository_id
      WHERE l.unreferenced_since IS NOT NULL AND l.unreferenced_since <= ?1 LIMIT ?2
      """, [.integer(time), .integer(Int64(limit))]
    ) { row in
      if let digest = try? Digest(parsing: row.text(0)) {
        found.append(
          CollectableBlob(
            digest: digest, size: row.integer(1), repository: try? RepositoryName(parsing: row.text(2))))
      }
      return true
    }
    try reader().query(
      "SELECT digest, size FROM blob WHERE unlinked_since IS NOT NULL LIMIT ?1", [.integer(Int64(limit))]
    ) { row in
      if let digest = try? Digest(parsing: row.text(0)) {
        found.append(CollectableBlob(digest: digest, size: row.integer(1), repository: nil))
      }
      return true
    }
    return found
  }

  /// Drops links that nothing has needed since `time`, `limit` at most.
  /// - Returns: how many.
  func dropUnneededLinks(before time: Int64, limit: Int) async throws -> Int {
    try await writeFreeingSpace("drop unneeded links") { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT l.repository_id, l.blob_id, r.name FROM repository_blob AS l
          JOIN repository AS r ON r.id = l.repository_id
          WHERE l.unreferenced_since IS NOT NULL AND l.unreferenced_since <= ? LIMIT ?
          """, arguments: [time, limit])
      var repositories: Set<Int64> = []
      for row in rows {
        try database.unlink(
          row["blob_id"], from: try RepositoryName(parsing: row["name"] as String), id: row["repository_id"])
        repositories.insert(row["repository_id"])
      }
      for repository in repositories {
        let gone = try database.text(
          """
          DELETE FROM repository WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE repository_id = ?1)
            AND NOT EXISTS (SELECT 1 FROM manifest WHERE repository_id = ?1)
          RETURNING name
          """, [repository])
        // One that comes back has a basis of its own.
        if let gone { try database.run("UPDATE tag_list SET basis = NULL WHERE repository = ?", [gone]) }
      }
      return rows.count
    }
  }

  /// Blobs that no repository links, with their sizes in bytes, in the order of their digests.
  func unlinkedBlobs(limit: Int) throws(StorageError) -> [(digest: Digest, size: Int64)] {
    var found: [(Digest, Int64)] = []
    try reader().query(
      // Sorted here: asked for that order, SQLite would walk through all digests there are.
      "SELECT digest, size FROM blob INDEXED BY blob_unlinked WHERE unlinked_since IS NOT NULL LIMIT ?1",
      [.integer(Int64(limit))]
    ) { row in
      if let digest = try? Digest(parsing: row.text(0)) { found.append((digest, row.integer(1))) }
      return true
    }
    return found.sorted { $0.0.description < $1.0.description }
  }

  /// Forgets those of the blobs that still no repository links. The caller holds their locks, and removes
  /// their files afterwards.
  /// - Returns: those forgotten.
  func forgetUnlinked(_ digests: [Digest]) async throws -> [Digest] {
    try await writeFreeingSpace("forget unlinked blobs") { database in
      try digests.filter { digest in
        guard
          let blob = try database.integer(
            "SELECT id FROM blob WHERE digest = ? AND unlinked_since IS NOT NULL", [digest.description])
        else { return false }
        if try database.integer("SELECT 1 FROM manifest_blob WHERE blob_id = ? LIMIT 1", [blob]) != nil {
          // Manifests still name it, so its row stays, as absent: when it comes back they keep it again.
          try database.run("UPDATE blob SET state = 2, unlinked_since = NULL WHERE id = ?", [blob])
        } else {
          try database.run("DELETE FROM blob WHERE id = ?", [blob])
        }
        return true
      }
    }
  }

  /// Blobs that should be on disk, in the order of their digests, for a walk through all of them.
  func presentBlobs(
    after digest: String, limit: Int
  ) throws(StorageError) -> [(digest: Digest, size: Int64)] {
    var found: [(Digest, Int64)] = []
    try reader().query(
      "SELECT digest, size FROM blob WHERE digest > ?1 AND state = 0 ORDER BY digest LIMIT ?2",
      [.text(digest), .integer(Int64(limit))]
    ) { row in
      if let digest = try? Digest(parsing: row.text(0)) { found.append((digest, row.integer(1))) }
      return true
    }
    return found
  }

  public func totals() throws(StorageError) -> StorageTotals {
    try reader().first(
      """
      SELECT (SELECT count(*) FROM repository), (SELECT count(*) FROM manifest), (SELECT count(*) FROM tag),
        (SELECT count(*) FROM blob WHERE state = 0), (SELECT coalesce(sum(size), 0) FROM blob WHERE state = 0),
        (SELECT count(*) FROM upload)
      """, []
    ) { row in
      StorageTotals(
        repositories: row.integer(0), manifests: row.integer(1), tags: row.integer(2), blobs: row.integer(3),
        blobBytes: row.integer(4), uploads: row.integer(5))
    } ?? StorageTotals()
  }
}

/// What a collection would drop.
public struct CollectableBlob: Sendable, Equatable {
  public let digest: Digest
  /// Bytes.
  public let size: Int64
  /// The repository whose link would go; nil if no repository links it and its bytes would go.
  public let repository: RepositoryName?
}
