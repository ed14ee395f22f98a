import ContainerImage
import GRDB

/// What is held below prefixes. It is counted for a prefix when it is asked for first; then a row is kept up to date by whatever adds
/// something or takes something away.
extension MetadataStore {
  /// What repositories below a prefix hold, if that is counted already.
  /// - Parameter prefix: empty for all.
  public func knownUsage(below prefix: String) throws(StorageError) -> StorageUsage? {
    try reader().first("SELECT bytes, tags FROM usage WHERE prefix = ?1", [.text(prefix)]) {
      StorageUsage(bytes: $0.integer(0), tags: $0.integer(1))
    }
  }

  /// Whether a repository below a prefix links a blob whose bytes are there, or were.
  public func isHeld(_ blob: Digest, below prefix: String) throws(StorageError) -> Bool {
    try reader().first(
      """
      SELECT 1 FROM blob AS b JOIN repository_blob AS l ON l.blob_id = b.id
      JOIN repository AS r ON r.id = l.repository_id
      WHERE b.digest = ?3 AND r.name >= ?1 AND r.name < ?2
        AND (?1 = '' OR r.name = ?1 OR substr(r.name, length(?1) + 1, 1) = '/')
      LIMIT 1
      """, [.text(prefix), .text(Database.end(of: prefix)), .text(blob.description)]
    ) { _ in true } ?? false
  }

  /// As `knownUsage`, counted if need be.
  public func usage(below prefix: String) async throws -> StorageUsage {
    try await write("count what is held") { try $0.usage(below: prefix) }
  }
}

extension Database {
  /// Runs `body`, unless it makes the usage rise above a limit.
  /// - Throws: `StorageLimitExceeded`
  func within<Value>(_ limits: [StorageLimit], _ body: () throws -> Value) throws -> Value {
    let before = try limits.map { try usage(below: $0.prefix)[$0.kind] }
    let value = try body()
    for (limit, before) in zip(limits, before) {
      let after = try usage(below: limit.prefix)[limit.kind]
      if after > limit.most, after > before { throw StorageLimitExceeded(limit: limit, used: before) }
    }
    return value
  }

  /// To be called before a repository links a blob that it does not link yet.
  func willLink(_ blob: Int64, to repository: RepositoryName, id: Int64) throws {
    let prefixes = try countedPrefixes(of: repository)
    guard !prefixes.isEmpty,
      try integer("SELECT 1 FROM repository_blob WHERE repository_id = ? AND blob_id = ?", [id, blob]) == nil
    else { return }
    try count(blob, below: prefixes, times: 1)
  }

  /// To be called after a repository linked a blob no more.
  func didUnlink(_ blob: Int64, from repository: RepositoryName) throws {
    try count(blob, below: try countedPrefixes(of: repository), times: -1)
  }

  /// Counts a blob that nobody below a prefix links.
  private func count(_ blob: Int64, below prefixes: [String], times factor: Int64) throws {
    for prefix in prefixes {
      let isLinked = try integer(
        """
        SELECT 1 FROM repository_blob AS l JOIN repository AS r ON r.id = l.repository_id
        WHERE l.blob_id = ?3 AND \(Self.isBelow) LIMIT 1
        """, [prefix, Self.end(of: prefix), blob])
      guard isLinked == nil else { continue }
      try run(
        "UPDATE usage SET bytes = bytes + ?3 * (SELECT size FROM blob WHERE id = ?1) WHERE prefix = ?2",
        [blob, prefix, factor])
    }
  }

  /// To be called when a repository holds further manifests or tags, or less of them.
  func nowHolds(bytes: Int64 = 0, tags: Int64 = 0, _ repository: RepositoryName) throws {
    for prefix in try countedPrefixes(of: repository) {
      try run(
        "UPDATE usage SET bytes = bytes + ?, tags = tags + ? WHERE prefix = ?", [bytes, tags, prefix])
    }
  }

  /// Those that there is a row for.
  private func countedPrefixes(of repository: RepositoryName) throws -> [String] {
    // Mostly there are no quotas.
    guard try integer("SELECT 1 FROM usage LIMIT 1") != nil else { return [] }
    return try Self.prefixes(of: repository).filter {
      try integer("SELECT 1 FROM usage WHERE prefix = ?", [$0]) != nil
    }
  }

  /// For `a/b`: the empty one, `a` and `a/b`.
  private static func prefixes(of repository: RepositoryName) -> [String] {
    let name = repository.description
    let ends = name.utf8.indices.filter { name.utf8[$0] == UInt8(ascii: "/") } + [name.endIndex]
    return [""] + ends.map { String(name[..<$0]) }
  }

  /// Whether the repository `r` is the prefix `?1`, or below it; `?2` is where names of others begin.
  fileprivate static let isBelow = """
    (r.name >= ?1 AND r.name < ?2 AND (?1 = '' OR r.name = ?1 OR substr(r.name, length(?1) + 1, 1) = '/'))
    """

  /// '0' follows '/'; nothing that is in names follows '~'.
  static func end(of prefix: String) -> String { prefix.isEmpty ? "~" : prefix + "0" }

  fileprivate func usage(below prefix: String) throws -> StorageUsage {
    let known = try Row.fetchOne(
      cachedStatement(sql: "SELECT bytes, tags FROM usage WHERE prefix = ?"), arguments: [prefix])
    if let known { return StorageUsage(bytes: known["bytes"], tags: known["tags"]) }
    try run(
      """
      INSERT INTO usage (prefix, bytes, tags) VALUES (?1,
        (SELECT coalesce(sum(size), 0) FROM blob WHERE id IN (
          SELECT l.blob_id FROM repository AS r JOIN repository_blob AS l ON l.repository_id = r.id
          WHERE \(Self.isBelow)))
        + (SELECT coalesce(sum(m.size), 0) FROM repository AS r JOIN manifest AS m ON m.repository_id = r.id
          WHERE \(Self.isBelow)),
        (SELECT count(*) FROM repository AS r JOIN tag AS t ON t.repository_id = r.id WHERE \(Self.isBelow)))
      """, [prefix, Self.end(of: prefix)])
    return try usage(below: prefix)
  }
}
