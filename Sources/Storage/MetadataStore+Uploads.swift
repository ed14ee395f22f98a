import ContainerImage
import GRDB

extension MetadataStore {
  func startUpload(
    _ id: UploadID, in repository: RepositoryName, algorithm: DigestAlgorithm
  ) async throws {
    try await write("start an upload") { database in
      try database.run(
        "INSERT INTO upload (id, repository, algorithm, started_at) VALUES (?, ?, ?, ?)",
        [id.description, repository.description, algorithm.rawValue, secondsSince1970()])
    }
  }

  func endUpload(_ id: UploadID) async throws {
    try await writeFreeingSpace("end an upload") { database in
      try database.run("DELETE FROM upload WHERE id = ?", [id.description])
    }
  }

  func upload(_ id: UploadID) throws(StorageError) -> UploadRecord? {
    try reader().first(
      "SELECT id, repository, algorithm, started_at FROM upload WHERE id = ?1", [.text(id.description)],
      UploadRecord.init(row:)
    ) ?? nil
  }

  /// Sessions of repositories below a prefix.
  func uploads(below prefix: String) throws(StorageError) -> [UploadID] {
    var found: [UploadID] = []
    try reader().query(
      """
      SELECT id FROM upload WHERE repository >= ?1 AND repository < ?2
        AND (?1 = '' OR repository = ?1 OR substr(repository, length(?1) + 1, 1) = '/')
      """,
      [.text(prefix), .text(Database.end(of: prefix))]
    ) { row in
      if let id = UploadID(row.text(0)) { found.append(id) }
      return true
    }
    return found
  }

  func uploads() throws(StorageError) -> [UploadRecord] {
    var records: [UploadRecord] = []
    try reader().query("SELECT id, repository, algorithm, started_at FROM upload", []) { row in
      if let record = UploadRecord(row: row) { records.append(record) }
      return true
    }
    return records
  }
}

extension UploadRecord {
  fileprivate init?(row: borrowing Statement.Row) {
    guard let id = UploadID(row.text(0)), let repository = try? RepositoryName(parsing: row.text(1)),
      let algorithm = DigestAlgorithm(rawValue: row.text(2))
    else { return nil }
    self.init(id: id, repository: repository, algorithm: algorithm, startedAt: row.integer(3))
  }
}
