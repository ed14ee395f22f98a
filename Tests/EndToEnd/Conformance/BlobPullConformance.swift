import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Pulling blobs" and "Checking if content exists in the registry": end-2.
  @Suite("pulling a blob")
  struct BlobPullConformance {
    /// A `Range` header and what of a blob of 2048 bytes it asks for (RFC 9110, section 14.1.2).
    struct RangeCase: Sendable, CustomTestStringConvertible {
      var header: String
      /// nil asks for nothing that is there.
      var bytes: Range<Int>?

      var testDescription: String { header }

      init(_ header: String, _ bytes: Range<Int>?) {
        self.header = header
        self.bytes = bytes
      }
    }

    private static let size = 2048

    private func pushedBlob(
      _ repository: TestRepository, _ algorithm: HashAlgorithm = .sha256
    ) async throws -> Content {
      let blob = Content.random(Self.size, algorithm: algorithm)
      try await repository.push(blob: blob)
      return blob
    }

    @Test(
      "GET and HEAD: 200, the digest and the length", arguments: HashAlgorithm.allCases,
      [0, 1, 2048, 5_000_000])
    func whole(_ algorithm: HashAlgorithm, _ size: Int) async throws {
      let repository = try TestRepository()
      let blob = Content.random(size, algorithm: algorithm)
      try await repository.push(blob: blob)
      try await repository.expectPull(blob: blob)
    }

    @Test("HEAD says what GET says")
    func headLikeGet() async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let get = try await repository.expect(200, "GET", repository.blob(blob.digest)).headers
      let head = try await repository.expect(200, "HEAD", repository.blob(blob.digest)).headers
      for name in [
        "content-length", "content-type", "docker-content-digest", "etag", "accept-ranges", "cache-control",
      ] {
        #expect(get[name] == head[name], "\(name)")
      }
      #expect(get["accept-ranges"] == "bytes")
    }

    @Test(
      "a range: 206 and exactly that part", arguments: HashAlgorithm.allCases,
      [
        RangeCase("bytes=500-1499", 500..<1500), RangeCase("bytes=500-", 500..<2048),
        RangeCase("bytes=-500", 1548..<2048), RangeCase("bytes=2000-5000", 2000..<2048),
        RangeCase("bytes=0-0", 0..<1), RangeCase("bytes=2047-2047", 2047..<2048),
        RangeCase("bytes=0-", 0..<2048), RangeCase("bytes=-9000", 0..<2048),
        RangeCase("bytes=0-18446744073709551615", 0..<2048),
      ])
    func range(_ algorithm: HashAlgorithm, _ range: RangeCase) async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository, algorithm)
      let answer = try await repository.expect(
        206, "GET", repository.blob(blob.digest), headers: ["Range": range.header])
      let bytes = try #require(range.bytes)
      #expect(answer.body == blob.bytes.subdata(in: bytes))
      #expect(answer["content-length"] == "\(bytes.count)")
      #expect(answer["content-range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(Self.size)")
      // The digest is the blob's, not the part's.
      #expect(answer["docker-content-digest"] == blob.digest)
    }

    @Test(
      "a range of nothing that is there: 416 and the size",
      arguments: ["bytes=5000-10000", "bytes=2048-", "bytes=-0", "bytes=500-0"])
    func unsatisfiableRange(_ header: String) async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let answer = try await repository.http.send(
        "GET", repository.blob(blob.digest), headers: ["Range": header])
      #expect(answer.status == 416)
      #expect(answer["content-range"] == "bytes */\(Self.size)")
    }

    /// RFC 9110, section 14.2: a server ignores a unit it does not know, and a Range of another method than
    /// GET.
    @Test("a Range that asks for nothing known is ignored", arguments: ["items=0-1", "bytes", "bytes=a-b"])
    func ignoredRange(_ header: String) async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let answer = try await repository.expect(
        200, "GET", repository.blob(blob.digest), headers: ["Range": header])
      #expect(answer.body == blob.bytes)
    }

    @Test("HEAD with a Range tells of the whole blob")
    func rangeOfHead() async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let answer = try await repository.expect(
        200, "HEAD", repository.blob(blob.digest), headers: ["Range": "bytes=0-9"])
      #expect(answer["content-length"] == "\(Self.size)")
    }

    /// RFC 9110, section 13.1.5.
    @Test("If-Range: a part of the blob that the client knows, the whole of another")
    func ifRange() async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let tag = try #require(try await repository.expect(200, "HEAD", repository.blob(blob.digest))["etag"])
      let same = try await repository.expect(
        206, "GET", repository.blob(blob.digest), headers: ["Range": "bytes=0-9", "If-Range": tag])
      #expect(same.body == blob.bytes.prefix(10))
      let other = try await repository.expect(
        200, "GET", repository.blob(blob.digest), headers: ["Range": "bytes=0-9", "If-Range": "\"other\""])
      #expect(other.body == blob.bytes)
    }

    /// RFC 9110, section 13.1.2.
    @Test("If-None-Match: 304 without a body for the blob that the client has", arguments: ["GET", "HEAD"])
    func ifNoneMatch(_ method: String) async throws {
      let repository = try TestRepository()
      let blob = try await pushedBlob(repository)
      let path = repository.blob(blob.digest)
      let tag = try #require(try await repository.expect(200, "GET", path)["etag"])
      let same = try await repository.expect(304, method, path, headers: ["If-None-Match": tag])
      #expect(same.body.isEmpty)
      #expect(same["etag"] == tag)
      try await repository.expect(200, method, path, headers: ["If-None-Match": "\"other\""])
    }

    @Test("a blob that is not in the repository: 404", arguments: HashAlgorithm.allCases)
    func missing(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      try await repository.push(blob: .random(10))
      let path = repository.blob(Content.random(10, algorithm: algorithm).digest)
      try await repository.expect(404, "GET", path, code: .blobUnknown)
      try await repository.expect(404, "HEAD", path)
    }

    /// Access is by repository: a digest alone gives nobody a blob.
    @Test("a blob of another repository: 404")
    func otherRepository() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      let blob = try await pushedBlob(other)
      try await repository.push(blob: .random(10))
      try await repository.expect(404, "GET", repository.blob(blob.digest), code: .blobUnknown)
      try await repository.expect(404, "HEAD", repository.blob(blob.digest))
    }

    @Test("a blob of a repository that does not exist: 404")
    func unknownRepository() async throws {
      let repository = try TestRepository()
      let path = repository.blob(Content.random(10).digest)
      try await repository.expect(404, "GET", path)
      try await repository.expect(404, "HEAD", path)
    }

    @Test("a malformed digest: 400", arguments: ["sha256:baddigeststring", "sha256", "md5:00", "latest"])
    func malformedDigest(_ digest: String) async throws {
      let repository = try TestRepository()
      try await repository.push(blob: .random(10))
      try await repository.expect(400, "GET", repository.blob(digest), code: .digestInvalid)
      try await repository.expect(400, "HEAD", repository.blob(digest))
    }
  }
}
