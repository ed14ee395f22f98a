import ContainerImage
import FoundationEssentials
import GRDB
import NIOCore

extension MetadataStore {
  public func manifest(
    _ reference: ManifestReference, in repository: RepositoryName
  ) throws(StorageError) -> ManifestRecord? {
    try manifest(reference, in: repository, cachingReader())?.record
  }

  /// A manifest with what a policy says of it when it is asked for so; may run on an event loop, and mostly costs one look-up in
  /// memory.
  public func manifest(
    _ reference: ManifestReference, in repository: RepositoryName, judgedBy policy: PolicyEdition
  ) throws(StorageError) -> JudgedManifest? {
    let reader = try cachingReader()
    guard var found = try manifest(reference, in: repository, reader) else { return nil }
    if found.judgement?.edition != policy.number {
      let key = StoredVerdict.Key(
        repository: repository, manifest: found.record.digest, tag: reference.tag, revision: policy.revision()
      )
      found.judgement = .init(edition: policy.number, verdict: try verdict(key, reader))
      reader.cache.keep(found, for: reference, in: repository)
    }
    if let verdict = found.judgement?.verdict, !verdict.holds { found.judgement = nil }
    return found
  }

  private func manifest(
    _ reference: ManifestReference, in repository: RepositoryName, _ reader: MetadataReader
  ) throws(StorageError) -> JudgedManifest? {
    if let known = reader.cache.manifest(reference, in: repository) { return known }
    let row: ManifestRecord?? =
      switch reference {
      case .tag(let tag):
        try reader.first(
          """
          SELECT m.digest, m.media_type, m.content
          FROM repository AS r
          JOIN tag AS t ON t.repository_id = r.id AND t.name = ?2
          JOIN manifest AS m ON m.id = t.manifest_id
          WHERE r.name = ?1
          """, [.text(repository.description), .text(tag.description)], ManifestRecord.init(row:))
      case .digest(let digest):
        try reader.first(
          """
          SELECT m.digest, m.media_type, m.content
          FROM repository AS r
          JOIN manifest AS m ON m.repository_id = r.id AND m.digest = ?2
          WHERE r.name = ?1
          """, [.text(repository.description), .text(digest.description)], ManifestRecord.init(row:))
      }
    guard let record = row ?? nil else { return nil }
    let found = JudgedManifest(record: record)
    reader.cache.keep(found, for: reference, in: repository)
    return found
  }

  /// Stores a manifest, links it to its blobs and moves its tags: all or nothing.
  /// - Throws: `MissingReferences`, `FixedTag`, `StorageLimitExceeded`, `StorageError`
  public func putManifest(_ new: NewManifest, in repository: RepositoryName) async throws {
    let annotations = Self.json(new.manifest.annotations)
    let content = Data(new.content.readableBytesView)
    try await write("store a manifest") { database in
      try database.within(new.limits) {
        try database.put(new, content, annotations: annotations, in: repository)
      }
    }
  }

  /// Removes a manifest and every tag that points to it. Blobs that no manifest of the repository refers to
  /// any more start their grace period.
  /// - Parameter isFixed: whether a tag is not to be deleted.
  /// - Throws: `FixedTag`, `StorageError`
  /// - Returns: false if it is not there.
  public func deleteManifest(
    _ digest: Digest, in repository: RepositoryName,
    unless isFixed: @escaping @Sendable (Tag) -> Bool = { _ in false }
  ) async throws -> Bool {
    try await writeFreeingSpace("delete a manifest") { database in
      guard let repositoryID = try database.repository(repository),
        let manifest = try database.manifest(digest, in: repositoryID)
      else { return false }
      let names = try String.fetchAll(
        database.cachedStatement(sql: "SELECT name FROM tag WHERE manifest_id = ?"), arguments: [manifest])
      for name in names {
        if let tag = try? Tag(parsing: name), isFixed(tag) { throw FixedTag(tag: tag, digest: digest) }
      }
      try database.remove(manifest, of: repository, id: repositoryID)
      return true
    }
  }

  /// Manifests of the repository whose subject is `digest`, oldest first.
  /// - Parameters:
  ///   - position: from an earlier page; 0 for the first.
  ///   - limit: at most so many.
  ///   - byteLimit: no further one once their annotations have more bytes than this.
  public func referrers(
    of digest: Digest, in repository: RepositoryName, artifactType: String?, after position: Int64,
    limit: Int, byteLimit: Int
  ) throws(StorageError) -> ReferrersPage {
    var page = ReferrersPage(descriptors: [], next: nil)
    var last = position
    var bytes = 0
    try reader().query(
      """
      SELECT m.id, m.media_type, m.digest, m.size, m.artifact_type, m.annotations
      FROM repository AS r
      JOIN manifest AS m ON m.repository_id = r.id AND m.subject = ?2 AND m.id > ?3
      WHERE r.name = ?1 AND (?4 = '' OR m.artifact_type = ?4)
      ORDER BY m.id
      """,
      [
        .text(repository.description), .text(digest.description), .integer(position),
        .text(artifactType ?? ""),
      ]
    ) { row in
      guard page.descriptors.count < limit, bytes < byteLimit else {
        page.next = last
        return false
      }
      last = row.integer(0)
      let annotations = row.optionalText(5)
      bytes += annotations?.utf8.count ?? 0
      if let digest = try? Digest(parsing: row.text(2)) {
        page.descriptors.append(
          Descriptor(
            mediaType: MediaType(row.text(1)), digest: digest, size: row.integer(3),
            annotations: annotations.flatMap(Self.annotations), artifactType: row.optionalText(4)))
      }
      return true
    }
    return page
  }

  private static func json(_ annotations: [String: String]) -> String? {
    guard !annotations.isEmpty else { return nil }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(annotations)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func annotations(_ json: String) -> [String: String]? {
    try? JSONDecoder().decode([String: String].self, from: Data(json.utf8))
  }
}

extension ManifestRecord {
  init?(row: borrowing Statement.Row) {
    guard let digest = try? Digest(parsing: row.text(0)) else { return nil }
    self.init(digest: digest, mediaType: MediaType(row.text(1)), content: row.bytes(2))
  }
}

extension Database {
  /// Removes a manifest and its tags.
  func remove(_ manifest: Int64, of repository: RepositoryName, id: Int64) throws {
    let now = secondsSince1970()
    try run(
      """
      INSERT INTO tag_history (repository, tag, digest, moved_at)
      SELECT ?1, name, NULL, ?3 FROM tag WHERE manifest_id = ?2
      """, [repository.description, manifest, now])
    try run("DELETE FROM tag WHERE manifest_id = ?", [manifest])
    let tags = Int64(changesCount)
    let blobs = try Int64.fetchAll(
      cachedStatement(sql: "SELECT blob_id FROM manifest_blob WHERE manifest_id = ?"),
      arguments: [manifest])
    try run("DELETE FROM manifest_blob WHERE manifest_id = ?", [manifest])
    try run("DELETE FROM converted_aci WHERE manifest_id = ?", [manifest])
    for blob in blobs { try unreferred(blob, in: id, now: now) }
    let size = try integer("SELECT size FROM manifest WHERE id = ?", [manifest]) ?? 0
    try run("DELETE FROM manifest WHERE id = ?", [manifest])
    try nowHolds(bytes: -size, tags: -tags, repository)
    try trustChanged(in: id)
  }

  fileprivate func put(
    _ new: NewManifest, _ content: Data, annotations: String?, in repository: RepositoryName
  ) throws {
    let now = secondsSince1970()
    let repositoryID = try makeRepository(repository)
    try requireReferences(of: new, in: repositoryID)
    let isKnown = try self.manifest(new.digest, in: repositoryID) != nil
    try run(
      """
      INSERT INTO manifest
        (repository_id, digest, media_type, size, artifact_type, subject, annotations, pushed_at, content)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (repository_id, digest) DO UPDATE SET
        media_type = excluded.media_type, artifact_type = excluded.artifact_type,
        pushed_at = excluded.pushed_at
      """,
      [
        repositoryID, new.digest.description, new.manifest.mediaType.description, content.count,
        new.manifest.artifactType, new.manifest.subject?.digest.description, annotations, now, content,
      ])
    guard let manifest = try self.manifest(new.digest, in: repositoryID) else { return }
    if !isKnown { try nowHolds(bytes: Int64(content.count), repository) }
    if new.isMirrored {
      try run(
        """
        INSERT INTO mirrored_manifest (manifest_id, pulled_at) VALUES (?1, ?2)
        ON CONFLICT (manifest_id) DO UPDATE SET pulled_at = excluded.pulled_at
        """, [manifest, now])
    }
    let required = Set(new.manifest.requiredBlobs.map(\.digest))
    for descriptor in new.manifest.blobs {
      try refer(
        from: manifest, of: repositoryID, to: descriptor, isRequired: required.contains(descriptor.digest))
    }
    // An index may also list blobs of the repository, as build caches do.
    for descriptor in new.manifest.manifests {
      try refer(from: manifest, of: repositoryID, to: descriptor, isRequired: false)
    }
    for tag in new.tags {
      if new.fixedTags.contains(tag), let digest = try digest(of: tag, in: repositoryID),
        digest != new.digest
      {
        throw FixedTag(tag: tag, digest: digest)
      }
      try move(tag, of: repository, id: repositoryID, to: manifest, new.digest, now: now)
    }
    try trustChanged(in: repositoryID)
  }

  func manifest(_ digest: Digest, in repository: Int64) throws -> Int64? {
    try integer(
      "SELECT id FROM manifest WHERE repository_id = ? AND digest = ?", [repository, digest.description])
  }

  /// A manifest that referred to a blob does so no more. If it was the last one, the blob's grace period starts; one that
  /// is not there is forgotten.
  func unreferred(_ blob: Int64, in repository: Int64, now: Int64) throws {
    try run(
      """
      UPDATE repository_blob SET unreferenced_since = ?3
      WHERE repository_id = ?1 AND blob_id = ?2
        AND NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob_id = ?2 AND repository_id = ?1)
      """, [repository, blob, now])
    try run(
      """
      DELETE FROM blob WHERE id = ?1 AND state = 2
        AND NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob_id = ?1)
      """, [blob])
  }

  fileprivate func requireReferences(of new: NewManifest, in repository: Int64) throws {
    var missing: [Digest] = []
    if !new.allowsMissingBlobs {
      for blob in new.manifest.requiredBlobs where try !has(blob: blob.digest, repository) {
        missing.append(blob.digest)
      }
    }
    if !new.allowsMissingManifests {
      for manifest in new.manifest.manifests {
        if try self.manifest(manifest.digest, in: repository) == nil
          && !has(blob: manifest.digest, repository)
        {
          missing.append(manifest.digest)
        }
      }
    }
    if !missing.isEmpty { throw MissingReferences(digests: missing) }
  }

  private func has(blob digest: Digest, _ repository: Int64) throws -> Bool {
    try integer(
      """
      SELECT 1 FROM blob AS b JOIN repository_blob AS l ON l.blob_id = b.id AND l.repository_id = ?2
      WHERE b.digest = ?1 AND b.state = 0
      """, [digest.description, repository]) != nil
  }

  /// Lets a manifest keep a blob. One that is not there is recorded as absent if it is required, so that it is
  /// kept once it comes.
  fileprivate func refer(
    from manifest: Int64, of repository: Int64, to descriptor: Descriptor, isRequired: Bool
  ) throws {
    if isRequired {
      try run(
        "INSERT INTO blob (digest, size, state) VALUES (?, ?, 2) ON CONFLICT (digest) DO NOTHING",
        [descriptor.digest.description, descriptor.size])
    }
    guard let blob = try blob(descriptor.digest) else { return }
    try run(
      "INSERT INTO manifest_blob (manifest_id, blob_id, repository_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      [manifest, blob, repository])
    try run(
      "UPDATE repository_blob SET unreferenced_since = NULL WHERE repository_id = ? AND blob_id = ?",
      [repository, blob])
  }
}
