import ContainerImage
import GRDB

extension MetadataStore {
  /// The blob as `repository` may give it out; nil if the repository does not link it.
  public func blob(_ digest: Digest, in repository: RepositoryName) throws(StorageError) -> BlobRecord? {
    let reader = try cachingReader()
    if let known = reader.cache.blob(digest, in: repository) { return known }
    let found = try reader.first(
      """
      SELECT b.size, l.unreferenced_since
      FROM repository AS r
      JOIN blob AS b ON b.digest = ?2 AND b.state = 0
      JOIN repository_blob AS l ON l.repository_id = r.id AND l.blob_id = b.id
      WHERE r.name = ?1
      """, [.text(repository.description), .text(digest.description)]
    ) { row in
      BlobRecord(size: row.integer(0), unreferencedSince: row.isNull(1) ? nil : row.integer(1))
    }
    if let found { reader.cache.keep(found, for: digest, in: repository) }
    return found
  }

  /// Whether content with this digest is on disk, whoever links it.
  public func isPresent(_ digest: Digest) throws(StorageError) -> Bool {
    try reader().first("SELECT 1 FROM blob WHERE digest = ?1 AND state = 0", [.text(digest.description)]) {
      _ in
      true
    } ?? false
  }

  /// Repositories that link a blob, for a mount that names no source.
  public func repositories(linking digest: Digest) throws(StorageError) -> [RepositoryName] {
    var names: [RepositoryName] = []
    try reader().query(
      """
      SELECT r.name FROM blob AS b
      JOIN repository_blob AS l ON l.blob_id = b.id
      JOIN repository AS r ON r.id = l.repository_id
      WHERE b.digest = ?1 AND b.state = 0
      LIMIT 1000
      """, [.text(digest.description)]
    ) { row in
      if let name = try? RepositoryName(parsing: row.text(0)) { names.append(name) }
      return true
    }
    return names
  }

  /// Records a blob whose bytes are on disk, links it, and ends the upload session it came by.
  /// - Throws: `StorageLimitExceeded`, `StorageError`
  func linkNewBlob(
    _ digest: Digest, size: Int64, in repository: RepositoryName, endingUpload upload: UploadID?,
    within limits: [StorageLimit] = []
  ) async throws {
    try await write("record a blob") { database in
      try database.run(
        """
        INSERT INTO blob (digest, size) VALUES (?1, ?2)
        ON CONFLICT (digest) DO UPDATE SET size = excluded.size, state = 0
        """, [digest.description, size])
      guard let blob = try database.blob(digest) else { return }
      try database.within(limits) { try database.link(blob, to: repository) }
      if let upload { try database.run("DELETE FROM upload WHERE id = ?", [upload.description]) }
    }
  }

  /// Links a blob of one repository to another.
  /// - Throws: `StorageLimitExceeded`, `StorageError`
  /// - Returns: false if `source` does not link it any more.
  public func mountBlob(
    _ digest: Digest, from source: RepositoryName, to target: RepositoryName,
    within limits: [StorageLimit] = []
  ) async throws -> Bool {
    try await write("mount a blob") { database in
      let blob = try database.integer(
        """
        SELECT b.id FROM blob AS b
        JOIN repository AS r ON r.name = ?2
        JOIN repository_blob AS l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE b.digest = ?1 AND b.state = 0
        """, [digest.description, source.description])
      guard let blob else { return false }
      try database.within(limits) { try database.link(blob, to: target) }
      return true
    }
  }

  /// Keeps a blob that no manifest refers to yet for another grace period, because a client was told that it
  /// exists.
  /// - Returns: false if the repository does not link it any more.
  public func leaseBlob(_ digest: Digest, in repository: RepositoryName) async throws -> Bool {
    try await write("lease a blob") { database in
      guard let blob = try database.blob(digest), let repository = try database.repository(repository) else {
        return false
      }
      try database.run(
        """
        UPDATE repository_blob SET unreferenced_since = ?3
        WHERE repository_id = ?1 AND blob_id = ?2 AND unreferenced_since < ?3
        """, [repository, blob, secondsSince1970()])
      return try database.integer(
        "SELECT 1 FROM repository_blob WHERE repository_id = ? AND blob_id = ?", [repository, blob]) != nil
    }
  }

  /// Takes a blob out of a repository. Its bytes go with a later collection, if no other one links it.
  /// - Returns: how many manifests of the repository still refer to it; nil if it was not there.
  public func unlinkBlob(_ digest: Digest, from name: RepositoryName) async throws -> Int? {
    try await writeFreeingSpace("delete a blob") { database in
      guard let repository = try database.repository(name), let blob = try database.blob(digest),
        try database.integer(
          """
          SELECT 1 FROM repository_blob AS l JOIN blob AS b ON b.id = l.blob_id AND b.state = 0
          WHERE l.repository_id = ? AND l.blob_id = ?
          """, [repository, blob]) != nil
      else { return nil }
      try database.unlink(blob, from: name, id: repository)
      let references = try database.integer(
        "SELECT count(*) FROM manifest_blob WHERE blob_id = ? AND repository_id = ?", [blob, repository])
      return Int(references ?? 0)
    }
  }

  /// Marks a blob whose bytes were taken away: it is gone for readers until somebody pushes it again.
  func markDamaged(_ digest: Digest) async throws {
    try await write("record a damaged blob") { database in
      try database.run(
        "UPDATE blob SET state = 1 WHERE digest = ? AND state = 0", [digest.description])
    }
  }
}

extension Database {
  func blob(_ digest: Digest) throws -> Int64? {
    try integer("SELECT id FROM blob WHERE digest = ?", [digest.description])
  }

  /// Links a blob whose bytes are on disk. A link that no manifest needs yet starts its grace period now.
  func link(_ blob: Int64, to name: RepositoryName) throws {
    let repository = try makeRepository(name)
    try willLink(blob, to: name, id: repository)
    let isReferenced =
      try integer("SELECT 1 FROM manifest_blob WHERE blob_id = ? AND repository_id = ?", [blob, repository])
      != nil
    try run(
      """
      INSERT INTO repository_blob (repository_id, blob_id, unreferenced_since) VALUES (?1, ?2, ?3)
      ON CONFLICT (repository_id, blob_id) DO UPDATE SET unreferenced_since = excluded.unreferenced_since
      """, [repository, blob, isReferenced ? nil : secondsSince1970()])
    try run("UPDATE blob SET unlinked_since = NULL WHERE id = ? AND unlinked_since IS NOT NULL", [blob])
  }

  /// - Parameter id: of the repository.
  func unlink(_ blob: Int64, from repository: RepositoryName, id: Int64) throws {
    try run("DELETE FROM repository_blob WHERE repository_id = ? AND blob_id = ?", [id, blob])
    guard changesCount > 0 else { return }
    try didUnlink(blob, from: repository)
    try run(
      """
      UPDATE blob SET unlinked_since = ?2
      WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE blob_id = ?1)
      """, [blob, secondsSince1970()])
  }
}
