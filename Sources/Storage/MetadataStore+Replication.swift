import ContainerImage
import GRDB

/// What rules of replication brought, and how their last runs ended.
extension MetadataStore {
  /// What a rule brought from a source, in the order of the tags.
  public func replicatedTags(
    by rule: String, from source: String
  ) throws(StorageError) -> [ReplicatedTag] {
    var found: [ReplicatedTag] = []
    try reader().query(
      """
      SELECT rule, source, tag, source_state, target_registry, target, target_tag, target_digest, is_brought,
        copied_at FROM replicated_tag
      WHERE rule = ?1 AND source = ?2 ORDER BY tag
      """, [.text(rule), .text(source)]
    ) { row in
      if let tag = ReplicatedTag(row: row) { found.append(tag) }
      return true
    }
    return found
  }

  /// The sources from which a rule brought something, in their order.
  public func replicatedSources(by rule: String) throws(StorageError) -> [String] {
    var found: [String] = []
    try reader().query(
      "SELECT DISTINCT source FROM replicated_tag WHERE rule = ?1 ORDER BY source", [.text(rule)]
    ) { row in
      found.append(row.text(0))
      return true
    }
    return found
  }

  /// - Parameter source: whence it came, for a tag of this registry.
  public func keep(_ tag: ReplicatedTag, from source: String) async throws {
    try await write("record a replicated tag") { database in
      if tag.targetRegistry.isEmpty {
        try database.keep(
          MirroredTag(
            repository: tag.target, tag: tag.targetTag, upstream: source, digest: tag.targetDigest,
            checkedAt: tag.copiedAt))
      }
      try database.run(
        """
        INSERT OR REPLACE INTO replicated_tag
          (rule, source, tag, source_state, target_registry, target, target_tag, target_digest, is_brought,
           copied_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          tag.rule, tag.source, tag.tag, tag.sourceState, tag.targetRegistry, tag.target.description,
          tag.targetTag.description, tag.targetDigest.description, tag.isBrought, tag.copiedAt,
        ])
    }
  }

  /// Whether a rule keeps a tag of this registry as it is somewhere else.
  public func isReplicated(_ tag: Tag, in repository: RepositoryName) throws(StorageError) -> Bool {
    try reader().first(
      "SELECT 1 FROM replicated_tag WHERE target_registry = '' AND target = ?1 AND target_tag = ?2 LIMIT 1",
      [.text(repository.description), .text(tag.description)]
    ) { _ in true } ?? false
  }

  /// Forgets what rules brought that there are no more.
  /// - Parameter rules: that there are.
  public func forgetReplication(but rules: [String]) async throws {
    try await writeFreeingSpace("forget rules of replication") { database in
      let known = "[" + rules.map { "\"\($0)\"" }.joined(separator: ",") + "]"
      for table in ["replicated_tag", "replication_run"] {
        try database.run(
          "DELETE FROM \(table) WHERE rule NOT IN (SELECT value FROM json_each(?))", [known])
      }
    }
  }

  /// - Parameter wasDeleted: whether the tag is not there any more.
  public func forget(_ tag: ReplicatedTag, wasDeleted: Bool) async throws {
    try await writeFreeingSpace("forget a replicated tag") { database in
      if wasDeleted, tag.targetRegistry.isEmpty {
        try database.forgetMirroredTag(tag.targetTag, in: tag.target)
      }
      try database.run(
        "DELETE FROM replicated_tag WHERE rule = ? AND source = ? AND tag = ?",
        [tag.rule, tag.source, tag.tag])
    }
  }

  public func replicationRun(of rule: String) throws(StorageError) -> ReplicationRun? {
    try reader().first(
      """
      SELECT rule, started_at, ended_at, checked, copied, deleted, failed, blobs, bytes, ifnull(failure, ''),
        ifnull(succeeded_at, 0) FROM replication_run WHERE rule = ?1
      """, [.text(rule)]
    ) { row in
      var run = ReplicationRun(rule: row.text(0), startedAt: row.integer(1))
      run.endedAt = row.integer(2)
      (run.checked, run.copied, run.deleted) = (row.integer(3), row.integer(4), row.integer(5))
      (run.failed, run.blobs, run.bytes) = (row.integer(6), row.integer(7), row.integer(8))
      let failure = row.text(9)
      run.failure = failure.isEmpty ? nil : failure
      run.succeededAt = row.integer(10) == 0 ? nil : row.integer(10)
      return run
    }
  }

  public func keep(_ run: ReplicationRun) async throws {
    try await write("record a run of replication") { database in
      try database.run(
        """
        INSERT OR REPLACE INTO replication_run
          (rule, started_at, ended_at, checked, copied, deleted, failed, blobs, bytes, failure, succeeded_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          run.rule, run.startedAt, run.endedAt, run.checked, run.copied, run.deleted, run.failed, run.blobs,
          run.bytes, run.failure, run.succeededAt,
        ])
    }
  }
}

extension ReplicatedTag {
  fileprivate init?(row: borrowing Statement.Row) {
    guard let target = try? RepositoryName(parsing: row.text(5)), let tag = try? Tag(parsing: row.text(6)),
      let digest = try? Digest(parsing: row.text(7))
    else { return nil }
    self.init(
      rule: row.text(0), source: row.text(1), tag: row.text(2), sourceState: row.text(3),
      targetRegistry: row.text(4), target: target, targetTag: tag, targetDigest: digest,
      isBrought: row.integer(8) != 0, copiedAt: row.integer(9))
  }
}
