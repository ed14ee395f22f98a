import ContainerImage
import GRDB

extension MetadataStore {
  public func hasRepository(_ name: RepositoryName) throws(StorageError) -> Bool {
    try reader().first("SELECT 1 FROM repository WHERE name = ?1", [.text(name.description)]) { _ in true }
      ?? false
  }

  /// Repositories that hold a manifest, in the order of their names' bytes.
  /// - Parameters:
  ///   - last: only names after this one.
  ///   - limit: at most so many.
  public func repositories(
    after last: String?, limit: Int, where isVisible: (RepositoryName) -> Bool
  ) throws(StorageError) -> [RepositoryName] {
    var names: [RepositoryName] = []
    guard limit > 0 else { return names }
    try reader().query(
      """
      SELECT name FROM repository AS r
      WHERE name > ?1 AND EXISTS (SELECT 1 FROM manifest WHERE repository_id = r.id)
      ORDER BY name
      """, [.text(last ?? "")]
    ) { row in
      if let name = try? RepositoryName(parsing: row.text(0)), isVisible(name) { names.append(name) }
      return names.count < limit
    }
    return names
  }
}

extension Database {
  func repository(_ name: RepositoryName) throws -> Int64? {
    try integer("SELECT id FROM repository WHERE name = ?", [name.description])
  }

  func makeRepository(_ name: RepositoryName) throws -> Int64 {
    if let id = try repository(name) { return id }
    try run("INSERT INTO repository (name) VALUES (?)", [name.description])
    return lastInsertedRowID
  }
}
