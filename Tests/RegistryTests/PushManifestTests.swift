import ContainerImage
import NIOCore
import Registry
import Testing

@Suite struct PushManifestTests {
  private static let missing = Digest(hashing: Array("never pushed".utf8))

  /// What each policy takes: (policy, an image without a blob, an index without a manifest).
  @Test(arguments: [(SparsePolicy.off, false, false), (.indexes, false, true), (.all, true, true)])
  func theSparsePolicyDecidesWhatMayBeMissing(policy: SparsePolicy, image: Bool, index: Bool) async throws {
    var configuration = Registry.Configuration()
    configuration.allowSparse = policy
    try await withRegistry(configuration) { registry in
      let here = try await registry.push([1, 2, 3])
      let complete = try await registry.push(manifest: RegistryTests.image([here]), as: "complete")
      let documents = [
        (RegistryTests.image([here, Self.missing]), image),
        (RegistryTests.index([(complete, nil), (Self.missing, nil)]), index),
      ]
      for (json, isAllowed) in documents {
        if isAllowed {
          let digest = try await registry.push(manifest: json, as: "sparse")
          #expect(try registry.manifest(.digest(digest), in: app).content == ByteBuffer(string: json))
        } else {
          await #expect(throws: RegistryError.referencesMissing([Self.missing])) {
            try await registry.push(manifest: json, as: "sparse")
          }
          #expect(throws: RegistryError.manifestUnknown(try .init(parsing: "sparse"), app)) {
            try registry.manifest(.init(parsing: "sparse"), in: app)
          }
        }
      }
    }
  }

  @Test func theDigestInTheAddressMustBeThatOfTheContent() async throws {
    try await withRegistry { registry in
      let json = index([])
      for algorithm in DigestAlgorithm.allCases {
        let expected = Digest(algorithm, hashing: Array("other".utf8))
        let actual = Digest(algorithm, hashing: Array(json.utf8))
        await #expect(throws: RegistryError.digestMismatch(expected: expected, actual: actual)) {
          try await registry.push(manifest: json, as: expected.description)
        }
        let pushed = try await registry.push(manifest: json, as: actual.description)
        #expect(pushed == actual)
        #expect(try registry.manifest(.digest(actual), in: app).digest == actual)
      }
    }
  }

  @Test func aManifestMayBeAsLargeAsTheLimitAndNoLarger() async throws {
    var configuration = Registry.Configuration()
    configuration.maximumManifestSize = 1000
    try await withRegistry(configuration) { registry in
      let json = index([])
      let fitting = json + String(repeating: " ", count: 1000 - json.utf8.count)
      let pushed = try await registry.push(manifest: fitting, as: "v1")
      #expect(pushed == Digest(hashing: Array(fitting.utf8)))
      await #expect(throws: RegistryError.manifestTooLarge(limit: 1000)) {
        try await registry.push(manifest: fitting + " ", as: "v1")
      }
    }
  }

  /// distribution-spec: a registry should take manifests of at least 4 megabytes.
  @Test func theLimitThatIsSetByDefaultIsTheSpecifications() {
    #expect(Registry.Configuration().maximumManifestSize >= 4_000_000)
  }

  @Test func whatIsNoManifestIsRefusedWithTheReason() async throws {
    try await withRegistry { registry in
      for json in ["", "{}", "[]", #"{"schemaVersion":1}"#] {
        let error = await #expect(throws: RegistryError.self) {
          try await registry.push(manifest: json, as: "v1")
        }
        guard case .manifestInvalid(let reason) = error else {
          Issue.record("\(json) gave \(String(describing: error))")
          continue
        }
        #expect(!reason.isEmpty)
      }
      #expect(throws: RegistryError.repositoryUnknown(app)) {
        try registry.manifest(.init(parsing: "v1"), in: app)
      }
    }
  }

  @Test func oneRequestMovesAllTheTagsItNames() async throws {
    try await withRegistry { registry in
      let subject = Digest(hashing: Array("subject".utf8))
      let json =
        index([]).dropLast()
        + #","subject":{"mediaType":"\#(MediaType.ociImageManifest)","digest":"\#(subject)","size":1}}"#
      let tags = try ["a", "b", "c"].map { try Tag(parsing: $0) }
      let digest = Digest(hashing: Array(json.utf8))
      let pushed = try await registry.pushManifest(
        ByteBuffer(string: String(json)), contentType: .ociImageIndex, as: .tag(tags[0]),
        tags: Array(tags[1...]),
        in: app)
      #expect(pushed.digest == digest)
      #expect(pushed.subject == subject)
      #expect(pushed.tags == tags)
      for tag in tags { #expect(try registry.manifest(.tag(tag), in: app).digest == digest) }
      let page = try await registry.tags(in: app, after: nil, limit: 2)
      #expect(page.elements == [tags[0], tags[1]])
      #expect(page.hasMore)
      let rest = try await registry.tags(in: app, after: "b", limit: 2)
      #expect(rest.elements == [tags[2]])
      #expect(!rest.hasMore)
      let referrers = try await registry.referrers(
        of: subject, in: app, artifactType: nil, after: 0, limit: 10)
      #expect(referrers.descriptors.map(\.digest) == [digest])
    }
  }
}
