import ContainerImage

#if canImport(Glibc)
  import Glibc
#endif

/// What a scrub found.
public struct ScrubReport: Sendable, Equatable {
  /// A blob that is not what its digest says.
  public struct Damage: Sendable, Equatable {
    public let digest: Digest
    /// What is wrong, and where the file is now.
    public let finding: String
    public let repositories: [RepositoryName]
  }

  public var blobs = 0
  public var bytes: Int64 = 0
  public var damaged: [Damage] = []
}

extension ContentStore {
  /// Hashes every blob. What is damaged is moved to the quarantine and is gone for readers, until somebody
  /// pushes it again.
  /// - Parameter rate: bytes per second to read at most; 0 for no limit.
  public func scrub(rate: Int64) async throws -> ScrubReport {
    var report = ScrubReport()
    var last = ""
    let start = ContinuousClock.now
    while true {
      let page = try await blocking { [metadata, last] in try metadata.presentBlobs(after: last, limit: 100) }
      guard let final = page.last else { return report }
      last = final.digest.description
      for (digest, size) in page {
        try Task.checkCancellation()
        if let damage = try await examine(digest, size: size) { report.damaged.append(damage) }
        report.blobs += 1
        report.bytes += size
        if rate > 0 {
          let due = start.advanced(by: .seconds(Double(report.bytes) / Double(rate)))
          try await Task.sleep(until: due, clock: .continuous)
        }
      }
    }
  }

  private func examine(_ digest: Digest, size: Int64) async throws -> ScrubReport.Damage? {
    guard let finding = try await finding(digest, size: size) else { return nil }
    return try await digestLocks.withLock(digest) {
      // It may have been collected, or replaced by a whole one, since.
      guard try await blocking({ [metadata] in try metadata.isPresent(digest) }),
        let confirmed = try await self.finding(digest, size: size)
      else { return nil }
      let repositories = try await blocking { [metadata] in try metadata.repositories(linking: digest) }
      try await metadata.markDamaged(digest)
      let place = try await blocking { [blobs] in
        try blobs.size(of: digest) == nil ? nil : blobs.quarantine(digest)
      }
      logger.error(
        "a blob is damaged",
        metadata: ["digest": "\(digest)", "finding": "\(finding)", "quarantine": "\(place ?? "none")"])
      return ScrubReport.Damage(
        digest: digest, finding: confirmed + (place.map { ", moved to \($0)" } ?? ""),
        repositories: repositories)
    }
  }

  /// What is wrong with a blob's file; nil if nothing is.
  private func finding(_ digest: Digest, size: Int64) async throws -> String? {
    try await blocking { [blobs] in
      guard let descriptor = try blobs.open(digest) else { return "its file is missing" }
      defer { close(descriptor) }
      let length = try FileSystem.size(of: descriptor)
      if length != size { return "its file has \(length) bytes instead of \(size)" }
      let actual: Digest
      do {
        actual = try UploadFile.hash(descriptor, size, digest.algorithm).digest()
      } catch {
        return "its file cannot be read: \(error)"
      }
      return actual == digest ? nil : "its content has the digest \(actual)"
    }
  }
}
