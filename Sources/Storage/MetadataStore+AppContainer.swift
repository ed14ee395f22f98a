import ContainerImage
import GRDB

extension MetadataStore {
  /// - Returns: nil if it was not made yet, or its blob is not there any more.
  public func convertedACI(_ key: ConvertedACI.Key) throws(StorageError) -> ConvertedACI? {
    let found = try reader().first(
      """
      SELECT b.digest, c.image_id, c.os, c.arch, c.signature, c.signed_by
      FROM repository AS r
      JOIN manifest AS m ON m.repository_id = r.id AND m.digest = ?2
      JOIN converted_aci AS c ON c.manifest_id = m.id AND c.name = ?3 AND c.version = ?4 AND c.revision = ?5
      JOIN blob AS b ON b.id = c.blob_id AND b.state = 0
      JOIN repository_blob AS l ON l.repository_id = r.id AND l.blob_id = b.id
      WHERE r.name = ?1
      """,
      [
        .text(key.repository.description), .text(key.manifest.description), .text(key.name),
        .text(key.version), .integer(key.revision),
      ]
    ) { row -> ConvertedACI? in
      guard let blob = try? Digest(parsing: row.text(0)) else { return nil }
      var signature: ConvertedACI.Signature?
      if let armored = row.optionalText(4), let fingerprint = row.optionalText(5) {
        signature = ConvertedACI.Signature(armored: armored, fingerprint: fingerprint)
      }
      return ConvertedACI(
        blob: blob, imageID: row.text(1), os: row.optionalText(2), architecture: row.optionalText(3),
        signature: signature)
    }
    return found ?? nil
  }

  /// Records an ACI whose blob the repository has, in place of one that was recorded before.
  /// - Returns: false if the manifest it was made of, or the blob, is not there any more.
  public func putConvertedACI(_ aci: ConvertedACI, as key: ConvertedACI.Key) async throws -> Bool {
    try await write("record a converted ACI") { database in
      guard let repository = try database.repository(key.repository),
        let manifest = try database.manifest(key.manifest, in: repository),
        let blob = try database.blob(aci.blob),
        try database.integer(
          "SELECT 1 FROM repository_blob WHERE repository_id = ? AND blob_id = ?", [repository, blob]) != nil
      else { return false }
      let former = try database.integer(
        "SELECT blob_id FROM converted_aci WHERE manifest_id = ? AND name = ? AND version = ?",
        [manifest, key.name, key.version])
      try database.run(
        """
        INSERT OR REPLACE INTO converted_aci
          (manifest_id, name, version, revision, blob_id, image_id, os, arch, signature, signed_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          manifest, key.name, key.version, key.revision, blob, aci.imageID, aci.os,
          aci.architecture, aci.signature?.armored, aci.signature?.fingerprint,
        ])
      try database.run(
        "INSERT INTO manifest_blob (manifest_id, blob_id, repository_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [manifest, blob, repository])
      try database.run(
        "UPDATE repository_blob SET unreferenced_since = NULL WHERE repository_id = ? AND blob_id = ?",
        [repository, blob])
      if let former, former != blob { try database.release(former, of: manifest, in: repository) }
      return true
    }
  }

  /// Goes through a repository's tags, in no particular order.
  /// - Parameter body: takes a tag and when it was moved last, in seconds since 1970.
  public func forEachTag(
    in repository: RepositoryName, _ body: (Tag, Int64) -> Void
  ) throws(StorageError) {
    try reader().query(
      """
      SELECT t.name, t.moved_at FROM repository AS r JOIN tag AS t ON t.repository_id = r.id
      WHERE r.name = ?1
      """, [.text(repository.description)]
    ) { row in
      if let tag = try? Tag(parsing: row.text(0)) { body(tag, row.integer(1)) }
      return true
    }
  }
}

extension Database {
  /// A manifest's converted ACI was replaced: lets its blob go, unless it is of use otherwise.
  fileprivate func release(_ blob: Int64, of manifest: Int64, in repository: Int64) throws {
    guard
      try integer("SELECT 1 FROM converted_aci WHERE manifest_id = ? AND blob_id = ?", [manifest, blob])
        == nil
    else { return }
    try run("DELETE FROM manifest_blob WHERE manifest_id = ? AND blob_id = ?", [manifest, blob])
    try unreferred(blob, in: repository, now: secondsSince1970())
  }
}
