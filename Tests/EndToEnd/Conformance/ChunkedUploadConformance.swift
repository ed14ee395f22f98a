import Foundation
import Testing

extension ConformanceTests {
  /// Section "Pushing a blob in chunks", where chunks come in the wrong order or form: end-5, end-6, end-13.
  @Suite("chunks of a blob")
  struct ChunkedUploadConformance {
    private let blob = Content.random(3067)
    private var ranges: [Range<Int>] { BlobUpload.ranges(of: blob.bytes.count) }

    /// Sends a chunk and returns where the session goes on.
    private func append(
      _ range: Range<Int>, at location: String, _ repository: TestRepository
    ) async throws -> String {
      let answer = try await repository.expect(
        202, "PATCH", location, headers: .chunk(range), body: blob.bytes.subdata(in: range))
      #expect(answer["range"] == "0-\(range.upperBound - 1)")
      return try #require(answer["location"])
    }

    /// Asks for the session's status and expects its end.
    ///
    /// - Returns: where it goes on.
    private func expectStatus(
      _ end: Int, at location: String, _ repository: TestRepository
    ) async throws -> String {
      let answer = try await repository.expect(204, "GET", location)
      #expect(answer["range"] == "0-\(max(0, end - 1))")
      return try #require(answer["location"])
    }

    private func finish(at location: String, _ repository: TestRepository) async throws {
      try await repository.expect(201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"))
      try await repository.expectPull(blob: blob)
    }

    /// A registry that has one says so in `OCI-Chunk-Min-Length`; without the header every length will do.
    @Test("without OCI-Chunk-Min-Length, a chunk of one byte is taken")
    func shortestChunk() async throws {
      let repository = try TestRepository()
      let started = try await repository.expect(202, "POST", repository.uploads)
      #expect(started["oci-chunk-min-length"] == nil)
      var location = try #require(started["location"])
      for range in [0..<1, 1..<2, 2..<blob.bytes.count] {
        location = try await append(range, at: location, repository)
      }
      try await finish(at: location, repository)
    }

    /// A chunk that leaves a gap, one that came before, one that overlaps, one before its turn: 416.
    @Test(
      "a chunk out of order gives 416 with the right Range, and the session goes on",
      arguments: [3000..<3067, 0..<1024, 1000..<2048, 1025..<2048, 0..<1, 9_000_000..<9_000_010])
    func outOfOrder(_ wrong: Range<Int>) async throws {
      let repository = try TestRepository()
      var location = try await append(ranges[0], at: try await repository.startUpload(), repository)
      let refused = try await repository.expect(
        416, "PATCH", location, headers: .chunk(wrong), body: Content.random(wrong.count).bytes,
        code: .blobUploadInvalid)
      #expect(refused["range"] == "0-\(ranges[0].upperBound - 1)")
      location = try await expectStatus(ranges[0].upperBound, at: location, repository)
      for range in ranges.dropFirst() { location = try await append(range, at: location, repository) }
      try await finish(at: location, repository)
    }

    @Test("before every right chunk a wrong one: the blob comes out right", arguments: HashAlgorithm.allCases)
    func outOfOrderThroughout(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let blob = Content(blob.bytes, algorithm: algorithm)
      var location = try await repository.startUpload(query: "?digest-algorithm=\(algorithm.rawValue)")
      for (number, range) in ranges.enumerated() {
        let wrong = ranges[(number + 1) % ranges.count]
        try await repository.expect(
          416, "PATCH", location, headers: .chunk(wrong), body: blob.bytes.subdata(in: wrong),
          code: .blobUploadInvalid)
        location = try await expectStatus(range.lowerBound, at: location, repository)
        location = try await append(range, at: location, repository)
      }
      try await repository.expect(201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"))
      try await repository.expectPull(blob: blob)
    }

    @Test("the first chunk has to begin with 0")
    func firstChunkNotAtStart() async throws {
      let repository = try TestRepository()
      let session = try await repository.startUpload()
      try await repository.expect(
        416, "PATCH", session, headers: .chunk(ranges[1]), body: blob.bytes.subdata(in: ranges[1]),
        code: .blobUploadInvalid)
      var location = try await expectStatus(0, at: session, repository)
      for range in ranges { location = try await append(range, at: location, repository) }
      try await finish(at: location, repository)
    }

    @Test("a last chunk in the PUT out of order gives 416, and the session goes on")
    func lastChunkOutOfOrder() async throws {
      let repository = try TestRepository()
      var location = try await append(ranges[0], at: try await repository.startUpload(), repository)
      let last = ranges[2]
      let refused = try await repository.expect(
        416, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"), headers: .chunk(last),
        body: blob.bytes.subdata(in: last), code: .blobUploadInvalid)
      #expect(refused["range"] == "0-\(ranges[0].upperBound - 1)")
      location = try await expectStatus(ranges[0].upperBound, at: location, repository)
      location = try await append(ranges[1], at: location, repository)
      try await repository.expect(
        201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"), headers: .chunk(last),
        body: blob.bytes.subdata(in: last))
      try await repository.expectPull(blob: blob)
    }

    /// The specification's expression for the header is `^[0-9]+-[0-9]+$`.
    @Test(
      "a malformed Content-Range is refused, and the session goes on",
      arguments: ["", "0", "0-", "-9", "9-0", "a-b", "0-9-9", "+0-9", "0x0-0x9", "99999999999999999999-0"])
    func malformedRange(_ range: String) async throws {
      let repository = try TestRepository()
      let session = try await repository.startUpload()
      let headers = ["Content-Type": MediaType.octets, "Content-Range": range]
      try await repository.expect(
        400, "PATCH", session, headers: headers, body: blob.bytes.prefix(10), code: .blobUploadInvalid)
      let location = try await expectStatus(0, at: session, repository)
      try await finish(at: try await append(0..<blob.bytes.count, at: location, repository), repository)
    }

    @Test("a chunk that is not as long as its Content-Range is refused, and the session goes on")
    func lengthAgainstRange() async throws {
      let repository = try TestRepository()
      let session = try await repository.startUpload()
      for wrong in [0..<1023, 0..<1025] {
        try await repository.expect(
          400, "PATCH", session, headers: .chunk(wrong), body: blob.bytes.prefix(1024), code: .sizeInvalid)
      }
      let location = try await expectStatus(0, at: session, repository)
      try await finish(at: try await append(0..<blob.bytes.count, at: location, repository), repository)
    }

    @Test("the same chunk from several clients at once is taken once, and the blob comes out right")
    func sameChunkAtOnce() async throws {
      let repository = try TestRepository()
      let blob = Content.random(4_000_000)
      let location = try await repository.startUpload()
      let path = repository.http.path(of: location)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask {
            try await repository.http.send(
              "PATCH", path, headers: .chunk(0..<blob.bytes.count), body: blob.bytes
            ).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 202 }.count == 1)
      #expect(statuses.filter { $0 == 416 }.count == 3, "\(statuses)")
      let next = try await expectStatus(blob.bytes.count, at: location, repository)
      try await repository.expect(201, "PUT", Curl.url(next, adding: "digest=\(blob.digest)"))
      try await repository.expectPull(blob: blob)
    }

    @Test("sessions of one repository do not touch each other")
    func independentSessions() async throws {
      let repository = try TestRepository()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let blob = Content.random(30_000)
            let answer = try await BlobUpload.chunks.send(blob, to: repository)
            #expect(answer.status == 201)
            try await repository.expectPull(blob: blob)
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
