import ContainerImage
import Foundation
import Testing

@testable import Storage

@Suite struct ScrubTests {
  enum Damage: CaseIterable, Sendable {
    case changedByte, shortened, lengthened, missing

    /// Does to the file what a bad disk or a careless hand does.
    func inflict(on path: String) throws {
      let manager = FileManager.default
      guard self != .missing else { return try manager.removeItem(atPath: path) }
      var bytes = try #require(manager.contents(atPath: path))
      switch self {
      case .changedByte: bytes[bytes.count / 2] ^= 1
      case .shortened: bytes.removeLast()
      case .lengthened: bytes.append(0)
      case .missing: break
      }
      try manager.removeItem(atPath: path)
      #expect(manager.createFile(atPath: path, contents: bytes))
    }
  }

  @Test(arguments: Damage.allCases)
  func aDamagedBlobIsFoundTakenAwayAndHealedByAPush(damage: Damage) async throws {
    try await withStore { store in
      let sound = try await store.push(content(5000, seed: 1))
      let digest = try await store.push(content(200_000))
      #expect(try await store.metadata.mountBlob(digest, from: app, to: other))
      let image = try await store.put(.image([digest, sound]))
      try damage.inflict(on: store.path(of: digest))

      let report = try await store.scrub(rate: 0)
      #expect(report.blobs == 2)
      #expect(report.bytes == 205_000)
      #expect(report.damaged.map(\.digest) == [digest])
      #expect(Set(report.damaged.flatMap(\.repositories)) == [app, other])
      // What is left of it can be looked at.
      let quarantined = files(below: store.directory.quarantine)
      #expect(quarantined == (damage == .missing ? [] : ["sha256-\(digest.encoded)"]))
      #expect(store.blobFiles == [String(sound.encoded)])

      // Clients see a blob that is not there, and push it again.
      #expect(try store.pull(digest) == nil)
      #expect(try store.metadata.blob(digest, in: other) == nil)
      #expect(try await !store.metadata.mountBlob(digest, from: app, to: other))
      await #expect(throws: MissingReferences(digests: [digest])) { try await store.put(.image([digest])) }
      #expect(try store.metadata.manifest(.digest(image), in: app) != nil)
      #expect(try store.pull(sound) == content(5000, seed: 1))

      let second = try await store.scrub(rate: 0)
      #expect((second.blobs, second.damaged) == (1, []))

      try await store.push(content(200_000), to: app)
      #expect(try store.pull(digest, from: app) == content(200_000))
      #expect(try store.pull(digest, from: other) == content(200_000))
      let third = try await store.scrub(rate: 0)
      #expect((third.blobs, third.damaged) == (2, []))
      // The image keeps it as before.
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).blobs == 0)
    }
  }

  /// A client pushes again what it cannot pull, before any scrub has run.
  @Test(arguments: [Damage.shortened, .lengthened, .missing])
  func aPushHealsAFileOfTheWrongSizeAtOnce(damage: Damage) async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000))
      try damage.inflict(on: store.path(of: digest))
      try await store.push(content(1000))
      #expect(try store.pull(digest) == content(1000))
    }
  }

  @Test func aDamagedBlobThatNobodyNeedsIsForgotten() async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000))
      try Damage.missing.inflict(on: store.path(of: digest))
      #expect(try await store.scrub(rate: 0).damaged.count == 1)
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).links == 1)
      let rows = try await store.count("SELECT count(*) FROM blob")
      #expect(rows == 0)
    }
  }

  /// More blobs than one page of the walk.
  @Test func aScrubGoesThroughAllBlobs() async throws {
    try await withStore { store in
      try await store.push(content(100))
      try await store.change(
        """
        INSERT INTO blob (digest, size)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
        SELECT 'sha256:' || printf('%064x', i), 10 FROM n
        """)
      let report = try await store.scrub(rate: 0)
      #expect((report.blobs, report.damaged.count) == (251, 250))
      #expect(Set(report.damaged.map(\.digest)).count == 250)
    }
  }

  @Test func aCancelledScrubEnds() async throws {
    try await withStore { store in
      try await store.push(content(100))
      let scrub = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await store.scrub(rate: 0)
      }
      await #expect(throws: CancellationError.self) { try await scrub.value }
    }
  }
}
