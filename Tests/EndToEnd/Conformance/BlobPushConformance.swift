import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Pushing a blob monolithically" and "Pushing a blob in chunks": end-4, end-5, end-6.
  @Suite("pushing a blob")
  struct BlobPushConformance {
    /// What a blob may consist of.
    enum Payload: String, CaseIterable, Sendable, CustomTestStringConvertible {
      case small = "512 bytes"
      case large = "three megabytes"
      case nothing = "no bytes"
      case emptyJSON = "an empty JSON object"

      var testDescription: String { rawValue }

      func content(_ algorithm: HashAlgorithm) -> Content {
        switch self {
        case .small: .random(512, algorithm: algorithm)
        case .large: .random(3_000_001, algorithm: algorithm)
        case .nothing: Content(Data(), algorithm: algorithm)
        case .emptyJSON: .emptyJSON(algorithm: algorithm)
        }
      }
    }

    /// How a session learns the algorithm of the digest to come (end-4c).
    enum Naming: String, CaseIterable, Sendable, CustomTestStringConvertible {
      case sha256 = "SHA-256"
      case sha512 = "SHA-512"
      case announcedSHA256 = "SHA-256, announced"
      case announcedSHA512 = "SHA-512, announced"

      var testDescription: String { rawValue }

      var algorithm: HashAlgorithm { self == .sha256 || self == .announcedSHA256 ? .sha256 : .sha512 }

      /// The parameters of the POST.
      var query: String {
        self == .sha256 || self == .sha512 ? "" : "?digest-algorithm=\(algorithm.rawValue)"
      }
    }

    private func expectStored(
      _ blob: Content, _ answer: PlainHTTP.Response, _ repository: TestRepository,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let text = String(decoding: answer.body, as: UTF8.self)
      try #require(answer.status == 201, "\(text)", sourceLocation: sourceLocation)
      #expect(answer["docker-content-digest"] == blob.digest, sourceLocation: sourceLocation)
      let location = try #require(answer["location"], sourceLocation: sourceLocation)
      let found = try await repository.expect(200, "GET", location, sourceLocation: sourceLocation)
      #expect(found.body == blob.bytes, sourceLocation: sourceLocation)
      try await repository.expectPull(blob: blob, sourceLocation: sourceLocation)
    }

    @Test(
      "every way to push gives 201 and a Location to pull from", arguments: BlobUpload.allCases,
      Payload.allCases)
    func push(_ upload: BlobUpload, _ payload: Payload) async throws {
      let repository = try TestRepository()
      let blob = payload.content(.sha256)
      try await expectStored(blob, try await upload.send(blob, to: repository), repository)
    }

    @Test(
      "every way to push takes either digest algorithm, announced or not",
      arguments: BlobUpload.allCases, Naming.allCases)
    func pushByAlgorithm(_ upload: BlobUpload, _ naming: Naming) async throws {
      let repository = try TestRepository()
      let blob = Content.random(3067, algorithm: naming.algorithm)
      try await expectStored(
        blob, try await upload.send(blob, to: repository, query: naming.query), repository)
    }

    /// What was announced only helps the registry: the digest given at the end counts.
    @Test("a digest of another algorithm than the announced one is checked all the same")
    func otherAlgorithmThanAnnounced() async throws {
      let repository = try TestRepository()
      let blob = Content.random(3000)
      let answer = try await BlobUpload.chunks.send(blob, to: repository, query: "?digest-algorithm=sha512")
      try await expectStored(blob, answer, repository)
    }

    /// Section "Pushing blobs": 400 for a digest that is invalid.
    @Test(
      "content with another digest than the given one is refused and leaves nothing",
      arguments: BlobUpload.allCases, HashAlgorithm.allCases)
    func wrongDigest(_ upload: BlobUpload, _ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let promised = Content.random(3067, algorithm: algorithm)
      let sent = Content(promised.bytes + Data("oh no".utf8), algorithm: algorithm)
      let answer = try await upload.send(sent, as: promised.digest, to: repository)
      #expect(answer.status == 400)
      answer.expectErrorDocument(.digestInvalid, upload.rawValue, #_sourceLocation)
      for digest in [promised.digest, sent.digest] {
        try await repository.expect(404, "HEAD", repository.blob(digest))
      }
    }

    /// Section "Pushing blobs": 400 for a digest that is invalid or of an unsupported algorithm.
    @Test(
      "a malformed digest, or one of an unknown algorithm, is refused",
      arguments: [BlobUpload.singlePost, .postAndPut, .chunks],
      [
        "", "sha256", "sha256:", "sha256:baddigeststring", ":0123",
        "sha256:" + String(repeating: "A", count: 64),
        "sha256:" + String(repeating: "a", count: 63), "sha512:" + String(repeating: "a", count: 64),
        "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../../../etc/passwd",
        "SHA256:" + String(repeating: "a", count: 64),
      ])
    func malformedDigest(_ upload: BlobUpload, _ digest: String) async throws {
      let repository = try TestRepository()
      let answer = try await upload.send(.random(3000), as: digest.queryEncoded, to: repository)
      #expect(answer.status == 400)
      answer.expectErrorDocument(.digestInvalid, digest, #_sourceLocation)
    }

    /// Section "Pushing blobs": 400 for an unsupported algorithm.
    @Test("an unknown algorithm is refused when it is announced", arguments: ["md5", "sha384", "", "SHA256"])
    func unknownAlgorithm(_ algorithm: String) async throws {
      let repository = try TestRepository()
      try await repository.expect(
        400, "POST", "\(repository.uploads)?digest-algorithm=\(algorithm)", code: .digestInvalid)
    }

    @Test("a PUT without a digest is refused, and the session goes on")
    func missingDigest() async throws {
      let repository = try TestRepository()
      let blob = Content.random(2000)
      let session = try await repository.startUpload()
      let sent = try await repository.expect(
        202, "PATCH", session, headers: .chunk(0..<2000), body: blob.bytes)
      let location = try #require(sent["location"])
      try await repository.expect(400, "PUT", location, code: .digestInvalid)
      let answer = try await repository.expect(
        201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"))
      try await expectStored(blob, answer, repository)
    }

    /// Section "Layer Upload De-duplication": both proceed, and one copy is kept.
    @Test("the same blob from many clients at once, and again later", arguments: BlobUpload.allCases)
    func sameBlobAtOnce(_ upload: BlobUpload) async throws {
      let repository = try TestRepository()
      let blob = Content.random(200_000)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask { try await upload.send(blob, to: repository).status }
        }
        for try await status in group { #expect(status == 201) }
      }
      try await expectStored(blob, try await upload.send(blob, to: repository), repository)
    }

    /// A name with several components, and with every separator that the grammar of section "Pulling
    /// manifests" has.
    @Test(
      "names as deep and as odd as they may be", arguments: ["a/b/c/d/e/f", "a.b/c_d/e__f/g---h", "0/1", "x"])
    func repositoryNames(_ suffix: String) async throws {
      let http = try TestRepository().http
      let name = "conformance-\(UInt64.random(in: .min ... .max))/\(suffix)"
      let blob = Content.random(100)
      let answer = try await http.pushBlob(name, blob.bytes)
      #expect(answer.status == 201)
      let found = try await http.blob(name, blob.digest)
      #expect(found.body == blob.bytes)
    }
  }
}
