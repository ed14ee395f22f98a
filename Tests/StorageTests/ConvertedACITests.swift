import ContainerImage
import Testing

@testable import Storage

@Suite struct ConvertedACITests {
  private func key(_ manifest: Digest, version: String = "v1", revision: Int64 = 1) -> ConvertedACI.Key {
    ConvertedACI.Key(
      repository: app, manifest: manifest, name: "example.com/library/app", version: version,
      revision: revision)
  }

  private func aci(_ blob: Digest, signature: ConvertedACI.Signature? = nil) -> ConvertedACI {
    ConvertedACI(
      blob: blob, imageID: "sha512-\(blob.encoded)", os: "linux", architecture: nil, signature: signature)
  }

  @Test func itIsFoundByItsNameVersionAndRevisionAlone() async throws {
    try await withStore { store in
      let metadata = store.metadata
      let manifest = try await store.put(.image([try await store.push(content(10))]))
      #expect(try metadata.convertedACI(key(manifest)) == nil)
      let made = aci(
        try await store.push(content(20)), signature: .init(armored: "-----", fingerprint: "ab"))
      #expect(try await metadata.putConvertedACI(made, as: key(manifest)))
      #expect(try metadata.convertedACI(key(manifest)) == made)
      #expect(try metadata.convertedACI(key(manifest, version: "v2")) == nil)
      #expect(try metadata.convertedACI(key(manifest, revision: 2)) == nil)
    }
  }

  @Test func nothingIsRecordedForAManifestOrABlobThatIsNotThere() async throws {
    try await withStore { store in
      let blob = try await store.push(content(20))
      let manifest = try await store.put(.image([try await store.push(content(10))]))
      #expect(try await !store.metadata.putConvertedACI(aci(blob), as: key(blob)))
      #expect(try await !store.metadata.putConvertedACI(aci(Digest(hashing: [1])), as: key(manifest)))
      let elsewhere = try await store.push(content(30), to: other)
      #expect(try await !store.metadata.putConvertedACI(aci(elsewhere), as: key(manifest)))
    }
  }

  @Test func itsBlobStaysAsLongAsTheManifest() async throws {
    try await withStore { store in
      let manifest = try await store.put(.image([try await store.push(content(10))], tags: ["v1"]))
      let blob = try await store.push(content(20))
      #expect(try await store.metadata.putConvertedACI(aci(blob), as: key(manifest)))
      _ = try await store.collect(grace: 0, uploadExpiry: 0)
      #expect(try store.pull(blob) == content(20))
      #expect(try await store.metadata.deleteManifest(manifest, in: app))
      _ = try await store.collect(grace: 0, uploadExpiry: 0)
      #expect(try store.pull(blob) == nil)
      #expect(try await store.count("SELECT count(*) FROM converted_aci") == 0)
      #expect(try await store.count("SELECT count(*) FROM blob") == 0)
    }
  }

  @Test func oneThatIsReplacedGoesWithTheNextCollection() async throws {
    try await withStore { store in
      let manifest = try await store.put(.image([try await store.push(content(10))]))
      let (first, second) = (try await store.push(content(20)), try await store.push(content(30)))
      for version in ["v1", "v2"] {
        #expect(try await store.metadata.putConvertedACI(aci(first), as: key(manifest, version: version)))
      }
      #expect(try await store.metadata.putConvertedACI(aci(second), as: key(manifest, revision: 2)))
      _ = try await store.collect(grace: 0, uploadExpiry: 0)
      // The other version's is still the first.
      #expect(try store.pull(first) != nil)
      #expect(try await store.metadata.putConvertedACI(aci(second), as: key(manifest, version: "v2")))
      _ = try await store.collect(grace: 0, uploadExpiry: 0)
      #expect(try store.pull(first) == nil)
      #expect(try store.pull(second) != nil)
    }
  }

  /// The blob is a blob like others, and may be deleted by its digest.
  @Test func oneWhoseBlobIsGoneIsNoneAndGoesWithItsManifest() async throws {
    try await withStore { store in
      let manifest = try await store.put(.image([try await store.push(content(10))]))
      let blob = try await store.push(content(20))
      #expect(try await store.metadata.putConvertedACI(aci(blob), as: key(manifest)))
      #expect(try await store.metadata.unlinkBlob(blob, from: app) == 1)
      #expect(try store.metadata.convertedACI(key(manifest)) == nil)
      _ = try await store.collect(grace: 0, uploadExpiry: 0)
      #expect(try await store.metadata.deleteManifest(manifest, in: app))
      #expect(try await store.count("SELECT count(*) FROM converted_aci") == 0)
    }
  }
}
