import ContainerImage
import Foundation
import Logging
import NIOCore
import Registry
import RegistryClient
import Storage
import Testing

@testable import Mirroring

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
      try await registry.keep(
        ByteBuffer(string: json), as: type, manifest, tags: [try Tag(parsing: tag)], in: name)
      if let days {
        try await registry.store.metadata.notePulls([(name, manifest, secondsSince1970() - days * 24 * 3600)])
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
      try await setting.registry.store.metadata.notePulls([(name, manifest, secondsSince1970())])
      await setting.mirror.tidy()
      #expect(try !setting.isThere("up/a", "old") && setting.isThere("up/a", "new"))
      #expect(try setting.registry.blob(digest, in: name) != nil)
    }
  }
}
