import ContainerImage
import Foundation
import NIOCore
import Testing

@testable import Storage

@Suite struct UploadTests {
  @Test(arguments: DigestAlgorithm.allCases, [0, 1, 200_000])
  func anUploadInPiecesBecomesABlob(algorithm: DigestAlgorithm, count: Int) async throws {
    try await withStore { store in
      let bytes = content(count)
      let digest = Digest(algorithm, hashing: bytes)
      let id = try await store.startUpload(in: app, algorithm: algorithm)
      for start in stride(from: 0, to: count, by: 65_536) {
        let session = try await store.session(id)
        #expect(session.size == Int64(start))
        try await session.append(ByteBuffer(bytes: bytes[start..<min(start + 65_536, count)]))
        _ = try await session.keep()
      }
      let size = try await store.session(id).finish(as: digest)
      #expect(size == Int64(count))
      #expect(try store.pull(digest) == bytes)
      #expect(store.uploadFiles == [])
      #expect(store.blobFiles == [String(digest.encoded)])
      #expect(try await !store.hasSession(id))
    }
  }

  /// Nothing may change a blob, not even by mistake: other repositories share it.
  @Test func aBlobsFileIsReadOnly() async throws {
    try await withStore { store in
      let digest = try await store.push(content(10))
      let attributes = try FileManager.default.attributesOfItem(atPath: store.path(of: digest))
      #expect(attributes[.posixPermissions] as? Int == 0o444)
    }
  }

  /// Clients say the algorithm at the end only; the running hash may be of another one.
  @Test func aSessionMayFinishWithAnotherAlgorithmThanItBeganWith() async throws {
    try await withStore { store in
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      let session = try await store.session(id)
      try await session.append(ByteBuffer(bytes: content(300_000)))
      let digest = Digest(.sha512, hashing: content(300_000))
      _ = try await session.finish(as: digest)
      #expect(try store.pull(digest) == content(300_000))
    }
  }

  @Test(arguments: [DigestAlgorithm.sha256, .sha512])
  func aSessionGoesOnAfterTheStoreIsOpenedAgain(algorithm: DigestAlgorithm) async throws {
    try await withDirectory { path in
      let bytes = content(150_000)
      let id = try await {
        let store = try await openStore(path)
        let id = try await store.startUpload(in: app, algorithm: algorithm)
        let session = try await store.session(id)
        try await session.append(ByteBuffer(bytes: bytes[..<100_000]))
        #expect(try await session.keep() == 100_000)
        return id
      }()
      let store = try await openStore(path)
      let session = try await store.session(id)
      #expect(session.size == 100_000)
      try await session.append(ByteBuffer(bytes: bytes[100_000...]))
      // The digest can only be right if the first part was read and hashed again.
      let digest = Digest(algorithm, hashing: bytes)
      _ = try await session.finish(as: digest)
      #expect(try store.pull(digest) == bytes)
    }
  }

  /// More sessions than are kept open: those whose file was closed must go on from their bytes on disk.
  @Test func sessionsGoOnHoweverManyThereAre() async throws {
    try await withStore { store in
      var ids: [UploadID] = []
      for number in 0..<520 {
        let id = try await store.startUpload(in: app, algorithm: .sha256)
        let session = try await store.session(id)
        try await session.append(ByteBuffer(string: "session \(number) "))
        ids.append(id)
      }
      for (number, id) in ids.enumerated() where number % 100 < 3 {
        let session = try await store.session(id)
        try await session.append(ByteBuffer(string: "end"))
        _ = try await session.finish(as: Digest(hashing: Array("session \(number) end".utf8)))
      }
      #expect(store.uploadFiles.count == 520 - store.blobFiles.count)
      #expect(store.blobFiles.count == 18)
    }
  }

  @Test(arguments: [true, false])
  func aDigestMismatchLeavesNothingBehind(isRecorded: Bool) async throws {
    try await withStore { store in
      let expected = Digest(hashing: content(100, seed: 1))
      let session: UploadSession
      if isRecorded {
        session = try await store.session(store.startUpload(in: app, algorithm: .sha256))
      } else {
        session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
      }
      let id = session.id
      try await session.append(ByteBuffer(bytes: content(100, seed: 2)))
      let actual = Digest(hashing: content(100, seed: 2))
      do {
        _ = try await session.finish(as: expected)
        Issue.record("the wrong content was taken")
      } catch let mismatch as DigestMismatch {
        #expect(mismatch == DigestMismatch(expected: expected, actual: actual))
      }
      #expect(store.uploadFiles == [])
      #expect(store.blobFiles == [])
      #expect(try store.pull(expected) == nil)
      #expect(try store.pull(actual) == nil)
      #expect(try await !store.hasSession(id))
      #expect(try store.metadata.totals() == StorageTotals())
    }
  }

  @Test func aCancelledSessionLeavesNothingBehind() async throws {
    try await withStore { store in
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      let session = try await store.session(id)
      try await session.append(ByteBuffer(bytes: content(100)))
      await session.cancel()
      #expect(store.uploadFiles == [])
      #expect(try await !store.hasSession(id))
    }
  }

  /// A client that goes away in the middle cancels the task of its request: what is cleaned up then must not
  /// be cancelled with it.
  @Test func anUploadWhoseTaskIsCancelledLeavesNothingBehind() async throws {
    try await withStore { store in
      let request = Task {
        let session = try await store.uploadAtOnce(to: app, algorithm: .sha256)
        try await session.append(ByteBuffer(bytes: content(100)))
        withUnsafeCurrentTask { $0?.cancel() }
        await session.cancel()
      }
      try await request.value
      #expect(store.uploadFiles == [])
    }
  }

  @Test func aSessionBelongsToItsRepository() async throws {
    try await withStore { store in
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      #expect(try await !store.hasSession(id, in: other))
      #expect(try await store.hasSession(id))
      #expect(try await !store.hasSession(UploadID()))
    }
  }

  /// Two requests for one session at once: the second one finds all that the first one did.
  @Test func requestsForOneSessionTakeTurns() async throws {
    try await withStore { store in
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      let piece = content(1000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<40 {
          group.addTask {
            let session = try await store.session(id)
            let before = session.size
            for start in stride(from: 0, to: 1000, by: 250) {
              try await session.append(ByteBuffer(bytes: piece[start..<start + 250]))
            }
            #expect(session.size == before + 1000)
            _ = try await session.keep()
          }
        }
        try await group.waitForAll()
      }
      let whole = Array(repeatElement(piece, count: 40).joined())
      _ = try await store.session(id).finish(as: Digest(hashing: whole))
      #expect(try store.pull(Digest(hashing: whole)) == whole)
    }
  }

  @Test func aBlobPushedByManyAtOnceIsStoredOnceAndWhole() async throws {
    try await withStore { store in
      let bytes = content(100_000)
      let repositories = try (0..<4).map { try RepositoryName(parsing: "team\($0)/app") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<32 {
          group.addTask { try await store.push(bytes, to: repositories[number % 4]) }
        }
        try await group.waitForAll()
      }
      let digest = Digest(hashing: bytes)
      for repository in repositories { #expect(try store.pull(digest, from: repository) == bytes) }
      #expect(store.blobFiles == [String(digest.encoded)])
      #expect(store.uploadFiles == [])
      #expect(try await store.count("SELECT count(*) FROM blob") == 1)
    }
  }

  @Test(arguments: [
    "", "x", "../../kontor.sqlite", "00000000-0000-4000-8000-00000000000",
    "00000000-0000-4000-8000-0000000000000",
    "00000000-0000-4000-8000-00000000000A", "00000000x0000-4000-8000-000000000000",
    "0000000000004000800000000000000000000",
  ])
  func onlyAnUploadsNameIsTakenForOne(text: String) {
    #expect(UploadID(text) == nil)
  }

  @Test func anUploadsNameIsReadBack() {
    let ids = (0..<100).map { _ in UploadID() }
    #expect(ids.allSatisfy { UploadID($0.description) == $0 })
    #expect(Set(ids).count == 100)
  }
}
