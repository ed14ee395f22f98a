import ContainerImage

/// What a collection did, or would do.
public struct CollectionReport: Sendable, Equatable {
  /// Links of repositories to blobs that no manifest of theirs needed.
  public var links = 0
  /// Blobs whose bytes went.
  public var blobs = 0
  /// Bytes freed.
  public var bytes: Int64 = 0
  /// Upload sessions that expired.
  public var uploads = 0

  public init() {}
}

extension ContentStore {
  /// Drops links to blobs that no manifest has needed for `grace` seconds, removes blobs that no repository
  /// links, and upload sessions without progress for `expiry` seconds. Pushes and pulls go on meanwhile; the
  /// cost is that of what goes.
  public func collect(grace: Int64, uploadExpiry expiry: Int64) async throws -> CollectionReport {
    var report = CollectionReport()
    let now = secondsSince1970()
    report.uploads = try await expireUploads(before: now - expiry)
    while true {
      try Task.checkCancellation()
      let dropped = try await metadata.dropUnneededLinks(before: now - grace, limit: 500)
      report.links += dropped
      if dropped == 0 { break }
    }
    while true {
      try Task.checkCancellation()
      let found = try await blocking { [metadata] in try metadata.unlinkedBlobs(limit: 250) }
      if found.isEmpty { break }
      let sizes = Dictionary(uniqueKeysWithValues: found.map { ($0.digest, $0.size) })
      for digest in try await remove(unlinked: found.map(\.digest)) {
        report.blobs += 1
        report.bytes += sizes[digest] ?? 0
      }
    }
    return report
  }

  /// What `collect` would drop now, `limit` entries at most of each sort.
  public func collectable(grace: Int64, limit: Int = 10_000) async throws -> [CollectableBlob] {
    try await blocking { [metadata] in
      try metadata.collectable(before: secondsSince1970() - grace, limit: limit)
    }
  }

  /// Forgets the rows first, then removes the files; under the digests' locks, so that nobody stores one of
  /// them in between. They come in the database's order, the same for all.
  private func remove(unlinked digests: [Digest]) async throws -> [Digest] {
    try await digestLocks.withLocks(ordered: digests) {
      let forgotten = try await metadata.forgetUnlinked(digests)
      try await blocking { [blobs, logger] in
        for digest in forgotten {
          do {
            try blobs.remove(digest)
          } catch {
            logger.warning("a blob's file stays", metadata: ["digest": "\(digest)", "error": "\(error)"])
          }
        }
      }
      return forgotten
    }
  }

  private func expireUploads(before time: Int64) async throws -> Int {
    let (metadata, directory) = (metadata, directory)
    let expired = try await blocking {
      try metadata.uploads().compactMap { record -> (record: UploadRecord, size: Int64)? in
        let status = try FileSystem.status("\(directory.uploads)/\(record.id)")
        return max(record.startedAt, status?.modified ?? 0) <= time ? (record, status?.size ?? 0) : nil
      }
    }
    var ended = 0
    for (record, size) in expired {
      do {
        guard let session = try await continueUpload(record.id, in: record.repository) else { continue }
        // While we waited for our turn a request may have gone on with it.
        guard session.size == size else { continue }
        await session.cancel()
        ended += 1
      } catch {
        logger.warning("an expired upload stays", metadata: ["upload": "\(record.id)", "error": "\(error)"])
      }
    }
    return ended
  }

  /// Removes files in `blobs/` that no row names: a crash left them between their rename and their row, before
  /// they were acknowledged. Goes through all files, one directory at a time.
  /// - Returns: how many went.
  public func removeUnknownBlobs() async throws -> Int {
    let (blobs, metadata) = (blobs, metadata)
    var removed = 0
    for shard in try await blocking({ try blobs.shards() }) {
      try Task.checkCancellation()
      let suspects = try await blocking {
        try blobs.digests(in: shard).filter { try !metadata.isPresent($0) }
      }
      for digest in suspects {
        removed += try await digestLocks.withLock(digest) {
          try await blocking {
            // Between the two looks it may have been stored in the regular way.
            guard try !metadata.isPresent(digest), try blobs.size(of: digest) != nil else { return 0 }
            try blobs.remove(digest)
            return 1
          }
        }
      }
    }
    return removed
  }
}
