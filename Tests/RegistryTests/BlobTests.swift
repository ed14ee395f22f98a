import ContainerImage
import Registry
import Storage
import Testing

/// Mounts, leases and deletions of blobs.
@Suite struct BlobTests {
  @Test func aMountNeedsToPullFromTheSource() async throws {
    try await withRegistry { registry in
      let digest = try await registry.push([1, 2, 3], to: app)
      let third = try RepositoryName(parsing: "third")
      // Not from a source that the client may not read, named or not; nor from one that lacks the blob.
      #expect(try await !registry.mount(digest, from: app, to: third) { $0 != app })
      #expect(try await !registry.mount(digest, from: nil, to: third) { $0 != app })
      #expect(try await !registry.mount(digest, from: other, to: third) { _ in true })
      #expect(try await !registry.mount(Digest(hashing: [9]), from: nil, to: third) { _ in true })
      #expect(try registry.pull(digest, from: third) == nil)

      #expect(try await registry.mount(digest, from: app, to: third) { $0 == app })
      #expect(try registry.pull(digest, from: third) == [1, 2, 3])
      // Without a source, any that the client may read.
      #expect(try await registry.mount(digest, from: nil, to: other) { $0 == third })
      #expect(try registry.pull(digest, from: other) == [1, 2, 3])
    }
  }

  /// With no grace period every answer needs a lease; with a long one a fresh blob does not, and one that a
  /// manifest keeps never does.
  @Test func whoIsToldThatABlobExistsHasALease() async throws {
    var configuration = Registry.Configuration()
    configuration.gracePeriod = .zero
    try await withRegistry(configuration) { registry in
      let digest = try await registry.push([1, 2, 3])
      #expect(try registry.presence(of: digest, in: app) == .needsLease)
      #expect(try await registry.lease(digest, in: app) == 3)
      #expect(try registry.presence(of: digest, in: other) == .unknown)
      #expect(try await registry.lease(digest, in: other) == nil)
      try await registry.push(manifest: image([digest]), as: "v1")
      #expect(try registry.presence(of: digest, in: app) == .present(size: 3))
    }
    configuration.gracePeriod = .seconds(1_000_000)
    try await withRegistry(configuration) { registry in
      let digest = try await registry.push([1, 2, 3])
      #expect(try registry.presence(of: digest, in: app) == .present(size: 3))
    }
  }

  @Test func deletingABlobCountsTheManifestsOfItsRepositoryThatStillNeedIt() async throws {
    try await withRegistry { registry in
      let digest = try await registry.push([1, 2, 3])
      let layer = try await registry.push([4])
      _ = try await registry.mount(digest, from: app, to: other) { _ in true }
      try await registry.push(manifest: image([digest]), as: "v1")
      try await registry.push(manifest: image([digest, layer]), as: "v2")
      try await registry.push(manifest: image([digest]), as: "v1", to: other)

      #expect(try await registry.deleteBlob(digest, in: app) == 2)
      #expect(try registry.pull(digest, from: app) == nil)
      #expect(try registry.presence(of: digest, in: app) == .unknown)
      #expect(try registry.pull(digest, from: other) == [1, 2, 3])
      await #expect(throws: RegistryError.blobUnknown(digest, app)) {
        try await registry.deleteBlob(digest, in: app)
      }
      #expect(try await registry.deleteBlob(digest, in: other) == 1)
    }
  }

  @Test func deletingWhatIsNotThereSaysWhatIsMissing() async throws {
    try await withRegistry { registry in
      let tag = try ManifestReference(parsing: "v1")
      await #expect(throws: RegistryError.repositoryUnknown(app)) {
        try await registry.deleteManifest(tag, in: app)
      }
      let digest = try await registry.push(manifest: index([]), as: "v1")
      try await registry.deleteManifest(tag, in: app)
      await #expect(throws: RegistryError.manifestUnknown(tag, app)) {
        try await registry.deleteManifest(tag, in: app)
      }
      // Without its tag the manifest is still there, until it is deleted itself.
      #expect(try registry.manifest(.digest(digest), in: app).digest == digest)
      try await registry.deleteManifest(.digest(digest), in: app)
      #expect(throws: RegistryError.manifestUnknown(.digest(digest), app)) {
        try registry.manifest(.digest(digest), in: app)
      }
    }
  }
}
