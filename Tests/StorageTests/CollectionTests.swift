import ContainerImage
import Foundation
import NIOCore
import Testing

@testable import Storage

@Suite struct CollectionTests {
  /// As if everything had happened 1000 seconds earlier.
  private func age(_ store: ContentStore) async throws {
    try await store.change("UPDATE repository_blob SET unreferenced_since = unreferenced_since - 1000")
    try await store.change("UPDATE upload SET started_at = started_at - 1000")
    for name in store.uploadFiles {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -1000)],
        ofItemAtPath: "\(store.directory.uploads)/\(name)")
    }
  }

  @Test func aBlobThatNoManifestNeedsStaysForTheGracePeriodAndThenGoes() async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000))
      try await age(store)
      #expect(try await store.collect(grace: 2000, uploadExpiry: 2000) == CollectionReport())
      #expect(try store.pull(digest) == content(1000))

      let collectable = CollectableBlob(digest: digest, size: 1000, repository: app)
      #expect(try await store.collectable(grace: 2000) == [])
      #expect(try await store.collectable(grace: 500) == [collectable])
      let report = try await store.collect(grace: 500, uploadExpiry: 2000)
      #expect(report.links == 1)
      #expect(report.blobs == 1)
      #expect(report.bytes == 1000)
      #expect(try store.pull(digest) == nil)
      #expect(store.blobFiles == [])
      // Nothing was left in the repository.
      #expect(try store.metadata.totals() == StorageTotals())
    }
  }

  @Test func aManifestKeepsItsBlobsAndItsDeletionStartsTheirGracePeriod() async throws {
    try await withStore { store in
      let shared = try await store.push(content(100, seed: 1))
      let own = try await store.push(content(100, seed: 2))
      try await store.put(.image([shared], tags: ["stays"]))
      let image = try await store.put(.image([shared, own], tags: ["goes"]))
      try await age(store)
      #expect(try await store.collect(grace: 0, uploadExpiry: 0) == CollectionReport())

      #expect(try await store.metadata.deleteManifest(image, in: app))
      // From now on, not from the push, which is long ago.
      #expect(try await store.collect(grace: 500, uploadExpiry: 0) == CollectionReport())
      try await age(store)
      #expect(try await store.collect(grace: 500, uploadExpiry: 0).blobs == 1)
      #expect(try store.pull(own) == nil)
      #expect(try store.pull(shared) == content(100, seed: 1))
    }
  }

  enum Renewal: CaseIterable, Sendable { case lease, push, mount, manifest, none }

  /// Everything that tells a client "it is there" keeps the blob until the manifest can have come.
  @Test(arguments: Renewal.allCases)
  func whatAClientWasToldExistsStaysAnotherGracePeriod(renewal: Renewal) async throws {
    try await withStore { store in
      let digest = try await store.push(content(100))
      try await age(store)
      switch renewal {
      case .lease: #expect(try await store.metadata.leaseBlob(digest, in: app))
      case .push: try await store.push(content(100))
      case .mount: #expect(try await store.metadata.mountBlob(digest, from: app, to: app))
      case .manifest: try await store.put(.image([digest]))
      case .none: break
      }
      let report = try await store.collect(grace: 500, uploadExpiry: 0)
      #expect(report.blobs == (renewal == .none ? 1 : 0))
      #expect(try store.pull(digest) == (renewal == .none ? nil : content(100)))
    }
  }

  @Test func theLeaseOfABlobThatAManifestNeedsChangesNothing() async throws {
    try await withStore { store in
      let digest = try await store.push(content(100))
      let image = try await store.put(.image([digest]))
      #expect(try await store.metadata.leaseBlob(digest, in: app))
      #expect(try store.metadata.blob(digest, in: app)?.idleTime == nil)
      #expect(try await store.metadata.deleteManifest(image, in: app))
      #expect(try store.metadata.blob(digest, in: app)?.idleTime != nil)
    }
  }

  @Test func aBlobIsCollectedOnlyAfterItsLastRepositoryLetItGo() async throws {
    try await withStore { store in
      let digest = try await store.push(content(100), to: app)
      try await age(store)
      #expect(try await store.metadata.mountBlob(digest, from: app, to: other))
      let first = try await store.collect(grace: 500, uploadExpiry: 0)
      #expect((first.links, first.blobs) == (1, 0))
      #expect(try store.pull(digest, from: app) == nil)
      #expect(try store.pull(digest, from: other) == content(100))
      try await age(store)
      let second = try await store.collect(grace: 500, uploadExpiry: 0)
      #expect((second.links, second.blobs) == (1, 1))
    }
  }

  /// Deleting a blob that a manifest still names breaks that image, until somebody pushes the blob again.
  @Test func aDeletedBlobThatComesBackIsKeptByTheManifestsThatNameIt() async throws {
    try await withStore { store in
      let digest = try await store.push(content(100))
      let image = try await store.put(.image([digest]))
      #expect(try await store.metadata.unlinkBlob(digest, from: app) == 1)
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).blobs == 1)
      #expect(store.blobFiles == [])
      #expect(try store.metadata.totals().blobs == 0)

      try await store.push(content(100))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0) == CollectionReport())
      #expect(try store.pull(digest) == content(100))
      #expect(try await store.metadata.deleteManifest(image, in: app))
      #expect(try await store.collect(grace: 0, uploadExpiry: 0).blobs == 1)
      #expect(try await store.count("SELECT count(*) FROM blob") == 0)
    }
  }

  @Test func onlySessionsWithoutProgressExpire() async throws {
    try await withStore { store in
      let idle = try await store.startUpload(in: app, algorithm: .sha256)
      let empty = try await store.startUpload(in: app, algorithm: .sha256)
      let active = try await store.startUpload(in: app, algorithm: .sha256)
      let piece = ByteBuffer(bytes: content(100))
      try await store.session(idle).append(piece)
      try await age(store)
      try await store.session(active).append(piece)
      let new = try await store.startUpload(in: app, algorithm: .sha256)

      #expect(try await store.collect(grace: 0, uploadExpiry: 500).uploads == 2)
      #expect(try await !store.hasSession(idle))
      #expect(try await !store.hasSession(empty))
      #expect(try await store.hasSession(active))
      #expect(try await store.hasSession(new))
      #expect(!store.uploadFiles.contains(idle.description))
    }
  }

  /// A session that is about to expire, and a request that goes on with it: whoever comes first, what the
  /// request was told stays true.
  @Test func aSessionThatGoesOnAtTheLastMomentDoesNotExpire() async throws {
    try await withStore { store in
      for round in 0..<16 {
        let id = try await store.startUpload(in: app, algorithm: .sha256)
        try await store.session(id).append(ByteBuffer(bytes: content(100)))
        try await age(store)
        let session = try await store.session(id)
        async let report = store.collect(grace: 0, uploadExpiry: 500)
        // Sometimes the collection has found the session already, and waits for its turn.
        try await Task.sleep(for: .milliseconds(round % 4 * 5))
        try await session.append(ByteBuffer(bytes: content(100)))
        #expect(try await session.keep() == 200)
        #expect(try await report.uploads == 0)
        #expect(try await store.session(id).size == 200)
        await (try store.session(id)).cancel()
      }
    }
  }

  @Test func anUploadThatCannotBeRemovedDoesNotStopTheCollection() async throws {
    try await withStore { store in
      let digest = try await store.push(content(100))
      let id = try await store.startUpload(in: app, algorithm: .sha256)
      // Cannot be opened, whoever the user is.
      try FileManager.default.createDirectory(
        atPath: "\(store.directory.uploads)/\(id)", withIntermediateDirectories: false)
      try await age(store)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -1000)],
        ofItemAtPath: "\(store.directory.uploads)/\(id)")
      let report = try await store.collect(grace: 500, uploadExpiry: 500)
      #expect((report.uploads, report.blobs) == (0, 1))
      #expect(try store.pull(digest) == nil)
    }
  }

  /// More than one batch of everything.
  @Test func aCollectionGoesOnUntilNothingIsLeft() async throws {
    try await withStore { store in
      try await store.push(content(100))
      try await store.change(
        """
        INSERT INTO blob (digest, size)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        SELECT 'sha256:' || printf('%064x', i), 10 FROM n
        """)
      try await store.change(
        "INSERT INTO repository_blob SELECT (SELECT id FROM repository), id, 1 FROM blob WHERE size = 10")
      let report = try await store.collect(grace: 500, uploadExpiry: 0)
      #expect((report.links, report.blobs, report.bytes) == (1200, 1200, 12_000))
      #expect(try store.metadata.totals().blobs == 1)
    }
  }
}
