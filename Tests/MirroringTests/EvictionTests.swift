import ContainerImage
import Foundation
import Logging
import NIOCore
import Registry
import RegistryClient
import Testing

@testable import Mirroring
@testable import Storage

@Suite struct EvictionTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private struct Setting {
    let mirror: UpstreamMirror
    let registry: Registry
    let upstream: Upstream

    func name(_ text: String) throws -> RepositoryName { try RepositoryName(parsing: text) }

    /// An image of one blob of 1,000 bytes, pulled so many days ago; nil for one that was pushed here.
    func add(_ seed: UInt8, to repository: String, tag: String, pulled days: Int64?) async throws -> Digest {
      let name = try name(repository)
      let blob = Array(repeating: seed, count: 1000)
      let digest = Digest(hashing: blob)
      let session = try await registry.store.uploadAtOnce(to: name, algorithm: .sha256)
      try await session.append(ByteBuffer(bytes: blob))
      _ = try await session.finish(as: digest)
      let type = MediaType.ociImageManifest
      let json =
        #"{"schemaVersion":2,"mediaType":"\#(type)","config":{"mediaType":"x/y","digest":"\#(digest)","size":1000},"layers":[]}"#
      let manifest = Digest(hashing: Array(json.utf8))
      let content = ByteBuffer(string: json)
      guard let days else {
        _ = try await registry.pushManifest(
          content, contentType: type, as: .tag(try Tag(parsing: tag)), tags: [], in: name)
        return manifest
      }
      try await registry.keep(content, as: type, manifest, tags: [try Tag(parsing: tag)], in: name)
      let time = secondsSince1970() - days * 24 * 3600
      try await registry.store.metadata.write("make it older") { database in
        try database.run(
          """
          UPDATE mirrored_manifest SET pulled_at = ?
          WHERE manifest_id = (SELECT id FROM manifest WHERE digest = ? AND repository_id = ?)
          """, [time, manifest.description, try database.repository(name)])
      }
      return manifest
    }

    func isThere(_ repository: String, _ tag: String) throws -> Bool {
      try registry.store.metadata.manifest(.tag(try Tag(parsing: tag)), in: name(repository)) != nil
    }
  }

  private func with(_ settings: String, _ body: (Setting) async throws -> Void) async throws {
    try await withStore { store, _ in
      let text = #"{"upstreams": [{"namespace": "up.example", "prefix": "up"\#(settings)}]}"#
      let list = try UpstreamList(parsing: Array(text.utf8), what: "upstreams")
      let registry = Registry(store: store, logger: Self.logger)
      let environment = UserEnvironment(home: "/nonexistent", variables: [:], userID: 0)
      let mirror = UpstreamMirror(list, registry: registry, environment: environment, logger: Self.logger)
      try await body(Setting(mirror: mirror, registry: registry, upstream: list.upstreams[0]))
    }
  }

  @Test func whatNobodyPullsGoesByAge() async throws {
    try await with(#", "keep": "10d", "pinned": ["pinned:v*"]"#) { setting in
      _ = try await setting.add(1, to: "up/a", tag: "old", pulled: 11)
      _ = try await setting.add(2, to: "up/a", tag: "new", pulled: 9)
      _ = try await setting.add(3, to: "up/pinned", tag: "v1", pulled: 99)
      _ = try await setting.add(4, to: "up/pinned", tag: "other", pulled: 99)
      _ = try await setting.add(5, to: "own", tag: "old", pulled: nil)
      _ = try await setting.add(6, to: "upper/own", tag: "old", pulled: nil)
      await setting.mirror.tidy()
      #expect(try !setting.isThere("up/a", "old") && setting.isThere("up/a", "new"))
      #expect(try setting.isThere("up/pinned", "v1") && !setting.isThere("up/pinned", "other"))
      #expect(try setting.isThere("own", "old") && setting.isThere("upper/own", "old"))
    }
  }

  @Test func theLeastRecentlyPulledGoesWhenItIsTooMuch() async throws {
    try await with(#", "maximumSize": "3KiB""#) { setting in
      for (number, days) in [3, 1, 4, 2].enumerated() {
        _ = try await setting.add(UInt8(number), to: "up/a", tag: "d\(days)", pulled: Int64(days))
      }
      _ = try await setting.add(9, to: "own", tag: "v1", pulled: nil)
      await setting.mirror.tidy()
      // Of four images, each of some more than 1,000 bytes, two fit.
      #expect(try setting.isThere("up/a", "d1") && setting.isThere("up/a", "d2"))
      #expect(try !setting.isThere("up/a", "d3") && !setting.isThere("up/a", "d4"))
      #expect(try setting.isThere("own", "v1"))
      #expect(try await setting.registry.usage(below: "up").bytes <= 3 << 10)
    }
  }

  @Test func aBlobThatAnotherImageNeedsStays() async throws {
    try await with(#", "keep": "1d""#) { setting in
      _ = try await setting.add(1, to: "up/a", tag: "old", pulled: 5)
      // The same blob, in another manifest of the repository.
      let name = try setting.name("up/a")
      let digest = Digest(hashing: Array(repeating: UInt8(1), count: 1000))
      let type = MediaType.ociImageManifest
      let json =
        #"{"schemaVersion":2,"mediaType":"\#(type)","config":{"mediaType":"x/z","digest":"\#(digest)","size":1000},"layers":[]}"#
      let manifest = Digest(hashing: Array(json.utf8))
      try await setting.registry.keep(
        ByteBuffer(string: json), as: type, manifest, tags: [try Tag(parsing: "new")], in: name)
      await setting.mirror.tidy()
      #expect(try !setting.isThere("up/a", "old") && setting.isThere("up/a", "new"))
      #expect(try setting.registry.blob(digest, in: name) != nil)
    }
  }

  @Test func whatAPinnedIndexListsIsPinnedWithIt() async throws {
    try await with(#", "keep": "1d", "pinned": ["a:v1"]"#) { setting in
      let child = try await setting.add(1, to: "up/a", tag: "child", pulled: 5)
      let type = MediaType.ociImageIndex
      let json =
        #"{"schemaVersion":2,"mediaType":"\#(type)","manifests":[{"mediaType":"\#(MediaType.ociImageManifest)","digest":"\#(child)","size":1}]}"#
      let digest = Digest(hashing: Array(json.utf8))
      let name = try setting.name("up/a")
      try await setting.registry.keep(
        ByteBuffer(string: json), as: type, digest, tags: [try Tag(parsing: "v1")], in: name)
      await setting.mirror.tidy()
      #expect(try setting.isThere("up/a", "v1") && setting.isThere("up/a", "child"))
    }
  }

  /// What was pushed before the prefix was an upstream's stays, however long ago it was pulled.
  @Test func pullsDoNotMakeWhatWasPushedGo() async throws {
    try await with(#", "keep": "1d""#) { setting in
      let digest = try await setting.add(1, to: "up/own", tag: "v1", pulled: nil)
      try await setting.registry.store.metadata.notePulls([(try setting.name("up/own"), digest, 1)])
      await setting.mirror.tidy()
      #expect(try setting.isThere("up/own", "v1"))
    }
  }
}
