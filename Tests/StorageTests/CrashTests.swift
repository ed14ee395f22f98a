import ContainerImage
import NIOCore
import Testing

@testable import Storage

/// What is on disk when the process dies between two steps, and what the next start makes of it: everything
/// that was acknowledged is there, nothing else is left, and what was interrupted can be done again.
@Suite struct CrashTests {
  enum Point: CaseIterable, Sendable {
    case uploadAtOnceHalfReceived
    case uploadAtOnceNotRenamed
    case sessionWithoutContent
    case sessionHalfReceived
    case sessionReceivedNotRenamed
    case blobRenamedWithoutRow
    case sessionRenamedWithoutRow
    case knownBlobLinkedUploadNotRemoved
    case collectedRowGoneFileNotRemoved
    case damageRecordedFileNotMoved
  }

  private static let bytes = content(100_000, seed: 1)
  private static let digest = Digest(hashing: bytes)

  @Test(arguments: Point.allCases)
  func theNextStartPutsInOrderWhatACrashLeft(point: Point) async throws {
    try await withDirectory { path in
      let store = try await openStore(path + "/data")
      let kept = try await store.push(content(50_000))
      let image = try await store.put(.image([kept], tags: ["v1"]))
      let session = try await run(store, until: point)

      let restarted = try await killed(store, copyTo: path + "/crashed")
      _ = try await restarted.removeUnknownBlobs()

      let rows = try restarted.metadata.presentBlobs(after: "", limit: 100).map { String($0.digest.encoded) }
      #expect(restarted.blobFiles == rows.sorted())
      let sessions = try restarted.metadata.uploads().map(\.id.description)
      #expect(Set(restarted.uploadFiles).isSubset(of: sessions))
      #expect(sessions == (session.map { [$0.description] } ?? []))
      #expect(try restarted.digest(of: "v1") == image)
      #expect(try restarted.pull(kept) == content(50_000))
      // Whoever pushed was not told that it succeeded, except where it was.
      #expect(
        try restarted.pull(Self.digest) == (point == .knownBlobLinkedUploadNotRemoved ? Self.bytes : nil))

      if let session {
        let rest = try await restarted.session(session)
        try await rest.append(ByteBuffer(bytes: Self.bytes[Int(rest.size)...]))
        _ = try await rest.finish(as: Self.digest)
      } else {
        try await restarted.push(Self.bytes)
      }
      #expect(try restarted.pull(Self.digest) == Self.bytes)
      #expect(restarted.uploadFiles == [])
    }
  }

  /// Does the work of the store step by step, up to the crash.
  /// - Returns: the upload session that must survive it.
  private func run(_ store: ContentStore, until point: Point) async throws -> UploadID? {
    let (bytes, digest) = (Self.bytes, Self.digest)
    switch point {
    case .uploadAtOnceHalfReceived:
      try await receive(UploadID(), bytes.prefix(50_000), in: store)
    case .uploadAtOnceNotRenamed:
      try await receive(UploadID(), bytes[...], in: store).sync()
    case .sessionWithoutContent:
      return try await store.startUpload(in: app, algorithm: .sha256)
    case .sessionHalfReceived:
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      try await receive(id, bytes.prefix(50_000), in: store)
      return id
    case .sessionReceivedNotRenamed:
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      try await receive(id, bytes[...], in: store).sync()
      return id
    case .blobRenamedWithoutRow:
      try await store.blobs.adopt(receive(UploadID(), bytes[...], in: store), as: digest)
    case .sessionRenamedWithoutRow:
      // The session is empty again: the client, which got no answer, learns that and starts over.
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      try await store.blobs.adopt(receive(id, bytes[...], in: store), as: digest)
      return id
    case .knownBlobLinkedUploadNotRemoved:
      try await store.push(bytes, to: other)
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      let file = try await receive(id, bytes[...], in: store)
      try await store.metadata.linkNewBlob(digest, size: file.size, in: app, endingUpload: id)
    case .collectedRowGoneFileNotRemoved:
      try await store.push(bytes)
      _ = try await store.metadata.unlinkBlob(digest, from: app)
      #expect(try await store.metadata.forgetUnlinked([digest]) == [digest])
    case .damageRecordedFileNotMoved:
      try await store.push(bytes)
      try await store.metadata.markDamaged(digest)
    }
    return nil
  }

  @discardableResult
  private func receive(_ id: UploadID, _ bytes: ArraySlice<UInt8>, in store: ContentStore) async throws
    -> UploadFile
  {
    let file = try UploadFile(path: "\(store.directory.uploads)/\(id)", algorithm: .sha256)
    try file.append(ByteBuffer(bytes: bytes))
    return file
  }

  @Test func whatWasAcknowledgedSurvivesAKillAtAnyMoment() async throws {
    try await withDirectory { path in
      let store = try await openStore(path + "/data")
      var blobs: [Digest] = []
      for number in 0..<20 {
        blobs.append(try await store.push(content(1000, seed: number)))
        try await store.put(.image([blobs[number]], tags: ["latest", "v\(number)"]))
      }
      let restarted = try await killed(store, copyTo: path + "/crashed")
      #expect(try await restarted.removeUnknownBlobs() == 0)
      for (number, blob) in blobs.enumerated() {
        #expect(try restarted.pull(blob) == content(1000, seed: number))
        #expect(try restarted.digest(of: "v\(number)") == NewManifest.image([blob]).digest)
      }
      #expect(try restarted.digest(of: "latest") == restarted.digest(of: "v19"))
    }
  }

  /// Every commit is synced, which GRDB's own choice for WAL does not do.
  @Test func theDatabaseSyncsEveryCommit() async throws {
    try await withStore { store in
      let level = try await store.count("PRAGMA synchronous")
      #expect(level == 2)
      let mode = try await store.metadata.write("look") { try $0.text("PRAGMA journal_mode") }
      #expect(mode == "wal")
    }
  }
}
