import ContainerImage
import GRDB

/// What came from upstreams: when their tags were asked for, and when their manifests were pulled.
extension MetadataStore {
  public func mirroredTag(_ tag: Tag, in repository: RepositoryName) throws(StorageError) -> MirroredTag? {
    let found = try reader().first(
      "SELECT repository, tag, upstream, digest, checked_at FROM mirrored_tag WHERE repository = ?1 AND tag = ?2",
      [.text(repository.description), .text(tag.description)], MirroredTag.init(row:))
    return found ?? nil
  }

  /// Those that still mean what was said, in the order of their names.
  /// - Parameters:
  ///   - position: only those after this one.
  ///   - limit: at most so many.
  public func mirroredTags(
    after position: (repository: String, tag: String), limit: Int
  ) throws(StorageError) -> [MirroredTag] {
    var found: [MirroredTag] = []
    try reader().query(
      """
      SELECT s.repository, s.tag, s.upstream, s.digest, s.checked_at FROM mirrored_tag AS s
      JOIN repository AS r ON r.name = s.repository
      JOIN tag AS t ON t.repository_id = r.id AND t.name = s.tag
      JOIN manifest AS m ON m.id = t.manifest_id AND m.digest = s.digest
      WHERE (s.repository, s.tag) > (?1, ?2) ORDER BY s.repository, s.tag LIMIT ?3
      """, [.text(position.repository), .text(position.tag), .integer(Int64(limit))]
    ) { row in
      if let tag = MirroredTag(row: row) { found.append(tag) }
      return true
    }
    return found
  }

  public func keep(_ tag: MirroredTag) async throws {
    try await write("record a mirrored tag") { try $0.keep(tag) }
  }

  /// Tags of a repository mean what they meant, as was found out now.
  /// - Parameter time: seconds since 1970.
  public func noteChecked(_ tags: [Tag], in repository: RepositoryName, at time: Int64) async throws {
    try await write("note that mirrored tags were checked") { database in
      for tag in tags {
        try database.run(
          "UPDATE mirrored_tag SET checked_at = max(checked_at, ?3) WHERE repository = ?1 AND tag = ?2",
          [repository.description, tag.description, time])
      }
    }
  }

  /// The tag is not there any more.
  public func forgetMirroredTag(_ tag: Tag, in repository: RepositoryName) async throws {
    try await writeFreeingSpace("forget a mirrored tag") { try $0.forgetMirroredTag(tag, in: repository) }
  }

  /// Notes when manifests that came from upstreams were pulled.
  public func notePulls(_ pulls: [(repository: RepositoryName, manifest: Digest, at: Int64)]) async throws {
    try await write("note what was pulled") { database in
      for (repository, manifest, time) in pulls {
        guard let id = try database.repository(repository),
          let manifest = try database.manifest(manifest, in: id)
        else { continue }
        try database.run(
          """
          UPDATE mirrored_manifest SET pulled_at = max(pulled_at, ?2) WHERE manifest_id = ?1
          """, [manifest, time])
      }
    }
  }

  /// Manifests that came from upstreams into repositories below a prefix, those first that nobody has pulled for longest.
  /// - Parameters:
  ///   - time: only those that were not pulled since, in seconds since 1970.
  ///   - limit: at most so many.
  public func leastPulled(
    below prefix: String, before time: Int64, limit: Int
  ) throws(StorageError) -> [MirroredManifest] {
    var found: [MirroredManifest] = []
    try reader().query(
      """
      SELECT r.name, m.digest, p.pulled_at FROM mirrored_manifest AS p
      JOIN manifest AS m ON m.id = p.manifest_id JOIN repository AS r ON r.id = m.repository_id
      WHERE p.pulled_at < ?3 AND r.name >= ?1 AND r.name < ?2
        AND (?1 = '' OR r.name = ?1 OR substr(r.name, length(?1) + 1, 1) = '/')
      ORDER BY p.pulled_at LIMIT ?4
      """, [.text(prefix), .text(Database.end(of: prefix)), .integer(time), .integer(Int64(limit))]
    ) { row in
      if let name = try? RepositoryName(parsing: row.text(0)), let digest = try? Digest(parsing: row.text(1))
      {
        found.append(MirroredManifest(repository: name, digest: digest, pulledAt: row.integer(2)))
      }
      return true
    }
    return found
  }

  /// Tags of a repository that mean a manifest.
  public func tags(of manifest: Digest, in repository: RepositoryName) throws(StorageError) -> [Tag] {
    var tags: [Tag] = []
    try reader().query(
      """
      SELECT t.name FROM repository AS r JOIN manifest AS m ON m.repository_id = r.id AND m.digest = ?2
      JOIN tag AS t ON t.manifest_id = m.id WHERE r.name = ?1
      """, [.text(repository.description), .text(manifest.description)]
    ) { row in
      if let tag = try? Tag(parsing: row.text(0)) { tags.append(tag) }
      return true
    }
    return tags
  }

  /// Links a blob that is here already to a repository.
  /// - Returns: false if it is not here.
  public func linkPresentBlob(_ digest: Digest, in name: RepositoryName) async throws -> Bool {
    try await write("link a blob") { database in
      let blob = try database.integer(
        "SELECT id FROM blob WHERE digest = ? AND state = 0", [digest.description])
      guard let blob else { return false }
      try database.link(blob, to: name)
      return true
    }
  }

  /// Removes a manifest that came from an upstream, with its tags, and takes the blobs out of the repository that no other manifest of
  /// it needs: their bytes go with the next collection, and are not counted any more.
  /// - Returns: false if it is not there, or was pulled since `time`.
  public func evict(_ digest: Digest, in name: RepositoryName, notPulledSince time: Int64) async throws
    -> Bool
  {
    try await writeFreeingSpace("evict a manifest") { database in
      guard let repository = try database.repository(name),
        let manifest = try database.manifest(digest, in: repository),
        try database.integer(
          "SELECT 1 FROM mirrored_manifest WHERE manifest_id = ? AND pulled_at <= ?", [manifest, time]) != nil
      else { return false }
      let blobs = try Int64.fetchAll(
        database.cachedStatement(sql: "SELECT blob_id FROM manifest_blob WHERE manifest_id = ?"),
        arguments: [manifest])
      try database.run(
        """
        DELETE FROM mirrored_tag WHERE repository = ?1
          AND tag IN (SELECT name FROM tag WHERE manifest_id = ?2)
        """, [name.description, manifest])
      try database.remove(manifest, of: name, id: repository)
      for blob in blobs {
        let isNeeded =
          try database.integer(
            "SELECT 1 FROM manifest_blob WHERE blob_id = ? AND repository_id = ?", [blob, repository]) != nil
        if !isNeeded { try database.unlink(blob, from: name, id: repository) }
      }
      return true
    }
  }
}

extension Database {
  func keep(_ tag: MirroredTag) throws {
    try run(
      """
      INSERT INTO mirrored_tag (repository, tag, upstream, digest, checked_at) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (repository, tag) DO UPDATE SET
        upstream = excluded.upstream, digest = excluded.digest, checked_at = excluded.checked_at
      """,
      [
        tag.repository.description, tag.tag.description, tag.upstream, tag.digest.description,
        tag.checkedAt,
      ])
  }

  func forgetMirroredTag(_ tag: Tag, in repository: RepositoryName) throws {
    try run(
      "DELETE FROM mirrored_tag WHERE repository = ? AND tag = ?", [repository.description, tag.description])
  }
}

extension MirroredTag {
  fileprivate init?(row: borrowing Statement.Row) {
    guard let repository = try? RepositoryName(parsing: row.text(0)),
      let tag = try? Tag(parsing: row.text(1)),
      let digest = try? Digest(parsing: row.text(3))
    else { return nil }
    self.init(
      repository: repository, tag: tag, upstream: row.text(2), digest: digest, checkedAt: row.integer(4))
  }
}
