import ContainerImage
import Registry
import Testing

/// What a client gets that asks for an index and understands none.
@Suite struct DefaultPlatformTests {
  @Test func itIsTheManifestForLinuxOnAMD64() async throws {
    try await withRegistry { registry in
      let blob = try await registry.push([1])
      let arm = try await registry.push(manifest: image([blob]), as: "arm")
      let windows = try await registry.push(manifest: image([blob, blob]), as: "windows")
      let linux = try await registry.push(manifest: image([blob, blob, blob]), as: "linux")
      let entries = [
        (arm, "linux/arm64"), (windows, "windows/amd64"), (arm, nil), (linux, "linux/amd64"),
        (arm, "linux/amd64"),
      ]
      try await registry.push(manifest: index(entries.map { ($0.0, platform: $0.1) }), as: "latest")
      let record = try registry.manifest(.init(parsing: "latest"), in: app)
      let found = try registry.defaultPlatformManifest(of: record, in: app) { $0 == .ociImageManifest }
      #expect(found?.digest == linux)
      #expect(found?.mediaType == .ociImageManifest)
      // An old Docker that knows only its own type.
      #expect(try registry.defaultPlatformManifest(of: record, in: app) { $0 == .dockerManifest } == nil)
    }
  }

  @Test func thereIsNoneIfTheIndexHasNoneOrTheRepositoryLacksIt() async throws {
    var configuration = Registry.Configuration()
    configuration.allowSparse = .indexes
    try await withRegistry(configuration) { registry in
      let blob = try await registry.push([1])
      let arm = try await registry.push(manifest: image([blob]), as: "arm")
      try await registry.push(manifest: index([(arm, platform: "linux/arm64")]), as: "arm-only")
      let armOnly = try registry.manifest(.init(parsing: "arm-only"), in: app)
      #expect(try registry.defaultPlatformManifest(of: armOnly, in: app) { _ in true } == nil)

      let absent = Digest(hashing: [9])
      try await registry.push(manifest: index([(absent, platform: "linux/amd64")]), as: "sparse")
      let sparse = try registry.manifest(.init(parsing: "sparse"), in: app)
      #expect(try registry.defaultPlatformManifest(of: sparse, in: app) { _ in true } == nil)
    }
  }
}
