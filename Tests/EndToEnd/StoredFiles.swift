import Crypto
import Foundation
import Testing

/// The files below a registry's data directory, seen without the registry.
struct StoredFiles: Sendable {
  let data: String

  /// The names of upload sessions' files.
  func uploads() throws -> [String] { try names(in: "\(data)/uploads") }

  /// Every blob's file, by what its name says is in it.
  func blobs() throws -> [String: String] {
    var paths: [String: String] = [:]
    for algorithm in try names(in: "\(data)/blobs") {
      for shard in try names(in: "\(data)/blobs/\(algorithm)") {
        let directory = "\(data)/blobs/\(algorithm)/\(shard)"
        for name in try names(in: directory) { paths["\(algorithm):\(name)"] = "\(directory)/\(name)" }
      }
    }
    return paths
  }

  /// Expects that every file in `blobs/` holds exactly what its name says. A running registry may remove
  /// some meanwhile.
  func expectWholeBlobs(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
    for (digest, path) in try blobs() {
      guard let content = FileManager.default.contents(atPath: path) else { continue }
      let actual = digest.hasPrefix("sha512:") ? sha512(content) : sha256(content)
      #expect(actual == digest, comment, sourceLocation: sourceLocation)
    }
  }

  /// Has the registry hash every blob that it has a row of, and requires that all are there and whole.
  ///
  /// Then waits until there are as many files as rows, which, as no row lacks its file, means that no file
  /// lacks a row. It may take a moment: what a crash left is removed while the registry serves already.
  func requireRowForEveryFile(
    of kontor: KontorProcess, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    struct Report: Decodable {
      struct Damage: Decodable {
        var digest: String
        var finding: String
      }
      var blobs: Int
      var damaged: [Damage]
    }
    try await kontor.daemon.waitFor("having a row for every blob's file") { _ in
      let scrub = try await KontorCommand.run(["scrub", "--rate", "0", "--format", "json", "--data", data])
      let report = try JSONDecoder().decode(Report.self, from: Data(scrub.output.utf8))
      let damaged = report.damaged.map { "\($0.digest): \($0.finding)" }
      try #require(damaged == [], comment, sourceLocation: sourceLocation)
      return try blobs().count == report.blobs ? true : nil
    }
  }

  private func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory)
  }
}
