import Access
import ContainerImage
import NIOCore
import Registry
import Testing

@Suite struct QuotaTests {
  private static func configuration(_ quotas: String...) throws -> Registry.Configuration {
    var configuration = Registry.Configuration()
    configuration.quotas = try quotas.map { try Quota(parsing: $0) }
    return configuration
  }

  /// A body whose length is announced, and that nobody may read.
  private static func unread(_ length: Int64) -> UploadContent {
    UploadContent(length: length) {
      Issue.record("it was read")
      return nil
    }
  }

  private func isOverQuota(_ body: () async throws -> Void) async -> Bool {
    do {
      try await body()
      return false
    } catch RegistryError.quotaExceeded(let limit, used: let used) {
      return limit.prefix == "library" && used >= 0
    } catch {
      Issue.record("\(error)")
      return false
    }
  }

  @Test func whatDoesNotFitIsRefusedBeforeItComes() async throws {
    try await withRegistry(Self.configuration("library=100B")) { registry in
      let digest = Digest(hashing: [1])
      #expect(
        await isOverQuota {
          _ = try await registry.uploadAtOnce(to: app, as: digest, content: Self.unread(101))
        })
      let id = try await registry.startUpload(in: app).id.description
      _ = try await registry.appendChunk(to: id, in: app, range: nil, content: body([1, 2]))
      #expect(
        await isOverQuota {
          _ = try await registry.appendChunk(to: id, in: app, range: nil, content: Self.unread(99))
        })
      // The session is over: what came of it would only take up space.
      await #expect(throws: RegistryError.uploadUnknown(id)) { try await registry.uploadStatus(id, in: app) }
      // Of unknown length: as soon as it is too much.
      let pieces = Array(repeating: UInt8(7), count: 60)
      #expect(
        await isOverQuota {
          _ = try await registry.uploadAtOnce(
            to: app, as: digest, content: body(pieces, pieces, failure: Unwanted()))
        })
      let more = try await registry.startUpload(in: app).id.description
      _ = try await registry.appendChunk(to: more, in: app, range: nil, content: body([1]))
      // No length is too much to be compared.
      #expect(
        await isOverQuota {
          _ = try await registry.appendChunk(to: more, in: app, range: nil, content: Self.unread(.max))
        })
      // What other sessions have brought takes up space.
      let open = try await registry.startUpload(in: app).id.description
      _ = try await registry.appendChunk(
        to: open, in: app, range: nil, content: body(Array(repeating: 9, count: 60)))
      #expect(
        await isOverQuota {
          _ = try await registry.uploadAtOnce(to: other, as: digest, content: Self.unread(41))
        })
      try await registry.cancelUpload(open, in: app)
      let full = Array(repeating: UInt8(1), count: 100)
      try await registry.push(full)
      #expect(await isOverQuota { _ = try await registry.startUpload(in: other) })
      // What is held already takes no more space.
      try await registry.push(full, to: other)
      _ = try await registry.startUpload(in: RepositoryName(parsing: "elsewhere"))
    }
  }

  private struct Unwanted: Error {}

  @Test func whatIsMountedCountsWhereItWasNot() async throws {
    try await withRegistry(Self.configuration("library=100B")) { registry in
      let elsewhere = try RepositoryName(parsing: "elsewhere")
      let large = try await registry.push(Array(repeating: 1, count: 101), to: elsewhere)
      #expect(
        await isOverQuota {
          _ = try await registry.mount(large, from: elsewhere, to: app, mayPull: { _ in true })
        })
      let small = try await registry.push(Array(repeating: 1, count: 100))
      #expect(try await registry.mount(small, from: app, to: other, mayPull: { _ in true }))
    }
  }

  @Test func tagsAndManifestsCount() async throws {
    try await withRegistry(Self.configuration("library=1tags", "library=1KiB")) { registry in
      let blob = try await registry.push([1])
      try await registry.push(manifest: image([blob]), as: "v1")
      #expect(try await registry.mount(blob, from: app, to: other, mayPull: { _ in true }))
      #expect(await isOverQuota { _ = try await registry.push(manifest: image([blob]), as: "v2") })
      #expect(await isOverQuota { _ = try await registry.push(manifest: image([blob]), as: "v1", to: other) })
      let padded = image([blob]) + String(repeating: " ", count: 1024)
      #expect(await isOverQuota { _ = try await registry.push(manifest: padded, as: "v1") })
      let second = try await registry.push([2])
      try await registry.push(manifest: image([second]), as: "v1")
    }
  }

  @Test func aSignerPushesSignaturesAndNothingElse() async throws {
    try await withRegistry { registry in
      let blob = try await registry.push([1])
      let subject = try await registry.push(manifest: image([blob]), as: "v1")
      func sign(_ json: String, as reference: String, tags: [String] = []) async throws {
        _ = try await registry.pushManifest(
          ByteBuffer(string: json), contentType: nil, as: ManifestReference(parsing: reference),
          tags: tags.map { try Tag(parsing: $0) }, in: app, isForSignature: true)
      }
      func manifest(_ layer: String, _ more: String = "") -> String {
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociImageManifest)"\#(more),"config":"#
          + #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(blob)","size":1},"layers":["#
          + #"{"mediaType":"\#(layer)","digest":"\#(blob)","size":1}]}"#
      }
      let about =
        #","subject":{"mediaType":"\#(MediaType.ociImageManifest)","digest":"\#(subject)","size":1}"#
      let cosign = "application/vnd.dev.cosign.simplesigning.v1+json"
      let tag = "sha256-\(subject.encoded)"
      for (json, reference, tags) in [
        (manifest(cosign), "\(tag).sig", []),
        (manifest("application/vnd.dsse.envelope.v1+json"), "\(tag).att", []),
        (manifest("application/jose+json", about), nil, []), (manifest("application/cose", about), nil, []),
        (manifest("application/vnd.dev.sigstore.bundle.v0.3+json", about), nil, ["\(tag).sig"]),
      ] as [(String, String?, [String])] {
        try await sign(json, as: reference ?? "\(Digest(hashing: Array(json.utf8)))", tags: tags)
      }
      let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
      for (json, reference, tags) in [
        (image([blob]), "v1", []), (image([blob]), nil, []), (manifest(cosign), "v1", []),
        (manifest(cosign), nil, []),
        (manifest(cosign), "\(tag).sig", ["v1"]), (manifest(cosign), "\(tag).sbom", []),
        (manifest(layer), "\(tag).sig", []), (manifest(layer, about), nil, []),
        (manifest("application/cose", about), "v1", []),
        (manifest(cosign, about), "sha256-\(String(repeating: "0", count: 64)).sig", []),
        (index([(subject, platform: nil)]), "\(tag).sig", []),
      ] as [(String, String?, [String])] {
        await #expect(throws: RegistryError.noSignature, "\(json) \(reference ?? "")") {
          try await sign(json, as: reference ?? "\(Digest(hashing: Array(json.utf8)))", tags: tags)
        }
      }
      let large = Int64(4 << 20) + 1
      await #expect(throws: RegistryError.tooLargeForSignature(limit: 4 << 20)) {
        try await registry.uploadAtOnce(
          to: app, as: blob, content: Self.unread(large), isForSignature: true)
      }
      _ = try await registry.uploadAtOnce(to: app, as: blob, content: body([1]), isForSignature: true)
    }
  }
}
