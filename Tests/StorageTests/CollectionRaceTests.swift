import ContainerImage
import Testing

@testable import Storage

/// Pushes and collections at the same moment. Each test repeats what must hold in whatever order the two go.
@Suite struct CollectionRaceTests {
  private static let rounds = 40

  @Test func aBlobPushedAgainWhileItIsCollectedIsThereAfterThePush() async throws {
    try await withStore { store in
      let bytes = content(5000)
      let digest = Digest(hashing: bytes)
      for _ in 0..<Self.rounds {
        try await store.push(bytes)
        _ = try await store.metadata.unlinkBlob(digest, from: app)
        async let collection = store.collect(grace: 3600, uploadExpiry: 3600)
        async let again = store.push(bytes, to: other)
        _ = try await (collection, again)
        #expect(try store.pull(digest, from: other) == bytes)
        #expect(store.blobFiles == [String(digest.encoded)])
        _ = try await store.metadata.unlinkBlob(digest, from: other)
      }
    }
  }

  @Test func aBlobMountedWhileItIsCollectedIsThereIfTheMountSaysSo() async throws {
    try await withStore { store in
      let bytes = content(5000)
      let digest = Digest(hashing: bytes)
      for _ in 0..<Self.rounds {
        try await store.push(bytes)
        async let isMounted = store.metadata.mountBlob(digest, from: app, to: other)
        async let removal = store.metadata.unlinkBlob(digest, from: app)
        async let collection = store.collect(grace: 3600, uploadExpiry: 3600)
        _ = try await (removal, collection)
        let expected = try await isMounted ? bytes : nil
        #expect(try store.pull(digest, from: other) == expected)
        _ = try await store.metadata.unlinkBlob(digest, from: other)
        _ = try await store.collect(grace: 3600, uploadExpiry: 3600)
        #expect(store.blobFiles == [])
      }
    }
  }

  @Test func aBlobThatIsLeasedOrPutInAManifestWhileItsTimeIsUpIsThereIfTheAnswerSaysSo() async throws {
    try await withStore { store in
      let bytes = content(5000)
      let digest = Digest(hashing: bytes)
      for round in 0..<Self.rounds {
        try await store.push(bytes)
        try await store.change("UPDATE repository_blob SET unreferenced_since = unreferenced_since - 1000")
        async let collection = store.collect(grace: 500, uploadExpiry: 3600)
        let isPromised: Bool
        if round.isMultiple(of: 2) {
          isPromised = try await store.metadata.leaseBlob(digest, in: app)
        } else {
          do {
            try await store.put(.image([digest]))
            isPromised = true
          } catch is MissingReferences {
            isPromised = false
          }
        }
        _ = try await collection
        #expect(try store.pull(digest) == (isPromised ? bytes : nil))
        _ = try await store.metadata.deleteManifest(NewManifest.image([digest]).digest, in: app)
        _ = try await store.collect(grace: 0, uploadExpiry: 3600)
      }
    }
  }

  /// At the start the search for unknown files runs while clients push already.
  @Test func aBlobPushedWhileUnknownFilesAreSoughtStays() async throws {
    try await withStore { store in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for _ in 0..<5 {
            let removed = try await store.removeUnknownBlobs()
            #expect(removed == 0)
          }
        }
        for worker in 0..<4 {
          group.addTask {
            for number in 0..<15 { try await store.push(content(3000, seed: worker * 100 + number)) }
          }
        }
        try await group.waitForAll()
      }
      #expect(store.blobFiles.count == 60)
      for worker in 0..<4 {
        for number in 0..<15 {
          let bytes = content(3000, seed: worker * 100 + number)
          #expect(try store.pull(Digest(hashing: bytes)) == bytes)
        }
      }
    }
  }
}
