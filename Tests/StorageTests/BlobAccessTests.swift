import ContainerImage
import Foundation
import Testing

@testable import Storage

/// A blob is stored once, and access to it is by repository.
@Suite struct BlobAccessTests {
  @Test func knowingADigestGivesNobodyTheBlobOfAnotherRepository() async throws {
    try await withStore { store in
      let bytes = content(1000)
      let digest = try await store.push(bytes, to: app)
      try await store.push(content(10), to: other)
      #expect(try store.pull(digest, from: other) == nil)
      #expect(try store.metadata.blob(digest, in: other) == nil)
      #expect(try await !store.metadata.leaseBlob(digest, in: other))
      #expect(try await store.metadata.unlinkBlob(digest, from: other) == nil)
      // Nor by a manifest that refers to it.
      await #expect(throws: MissingReferences(digests: [digest])) {
        try await store.put(.image([digest]), in: other)
      }
      #expect(try store.pull(digest, from: app) == bytes)
    }
  }

  @Test func aBlobOfTwoRepositoriesIsOneFileAndOutlivesEitherLink() async throws {
    try await withStore { store in
      let bytes = content(1000)
      let digest = try await store.push(bytes, to: app)
      try await store.push(bytes, to: other)
      #expect(store.blobFiles == [String(digest.encoded)])
      #expect(Set(try store.metadata.repositories(linking: digest)) == [app, other])

      #expect(try await store.metadata.unlinkBlob(digest, from: app) == 0)
      _ = try await store.collect(grace: 3600, uploadExpiry: 3600)
      #expect(try store.pull(digest, from: app) == nil)
      #expect(try store.pull(digest, from: other) == bytes)
    }
  }

  @Test func aMountGivesTheTargetTheBlobOnlyIfTheSourceHasIt() async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000), to: app)
      let third = try RepositoryName(parsing: "third")
      #expect(try await !store.metadata.mountBlob(digest, from: other, to: third))
      #expect(try store.metadata.hasRepository(third) == false)

      #expect(try await store.metadata.mountBlob(digest, from: app, to: other))
      #expect(try store.pull(digest, from: other) == content(1000))
      #expect(try await store.metadata.mountBlob(digest, from: other, to: third))
      #expect(try await store.metadata.unlinkBlob(digest, from: app) == 0)
      #expect(try await !store.metadata.mountBlob(digest, from: app, to: other))
      #expect(store.blobFiles.count == 1)
    }
  }

  /// An open download goes on whatever becomes of the blob.
  @Test func anOpenBlobCanBeReadAfterItIsCollected() async throws {
    try await withStore { store in
      let digest = try await store.push(content(1000))
      let open = try #require(try store.openBlob(digest, in: app))
      _ = try await store.metadata.unlinkBlob(digest, from: app)
      #expect(try await store.collect(grace: 0, uploadExpiry: 3600).blobs == 1)
      #expect(store.blobFiles == [])
      #expect(try UploadFile.hash(open.descriptor, 1000, .sha256).digest() == digest)
      try FileHandle(fileDescriptor: open.descriptor).close()
    }
  }

  @Test func totalsCountWhatIsThere() async throws {
    try await withStore { store in
      #expect(try store.metadata.totals() == StorageTotals())
      let config = try await store.push(content(100))
      try await store.push(content(50), to: other)
      try await store.put(.image([config], tags: ["a", "b"]))
      _ = try await store.startUpload(in: app, algorithm: .sha256)
      var expected = StorageTotals()
      expected.repositories = 2
      expected.manifests = 1
      expected.tags = 2
      expected.blobs = 2
      expected.blobBytes = 150
      expected.uploads = 1
      #expect(try store.metadata.totals() == expected)
    }
  }
}
