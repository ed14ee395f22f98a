import Foundation
import Testing

extension ConformanceTests {
  /// Sessions themselves: end-4a, end-13 (section "Pushing a blob in chunks"), end-14 ("Cancel a blob
  /// upload").
  @Suite("an upload session")
  struct UploadSessionConformance {
    /// What a client may ask of a session.
    enum Request: String, CaseIterable, Sendable {
      case status = "GET"
      case chunk = "PATCH"
      case finish = "PUT"
      case cancel = "DELETE"
    }

    private func expectUnknown(
      _ location: String, _ repository: TestRepository, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      for request in Request.allCases {
        try await expectUnknown(request, location, repository, sourceLocation)
      }
    }

    private func expectUnknown(
      _ request: Request, _ location: String, _ repository: TestRepository, _ sourceLocation: SourceLocation
    ) async throws {
      let blob = Content.random(100)
      let sends = request == .chunk || request == .finish
      try await repository.expect(
        404, request.rawValue,
        request == .finish ? Curl.url(location, adding: "digest=\(blob.digest)") : location,
        headers: sends ? .octets : [:], body: sends ? blob.bytes : Data(), code: .blobUploadUnknown,
        sourceLocation: sourceLocation)
    }

    /// Section "POST then PUT": the Location has a UUID.
    @Test("starts with 202 and a Location of its own that has a UUID")
    func start() async throws {
      let repository = try TestRepository()
      var locations: Set<String> = []
      for _ in 0..<3 {
        let location = try await repository.startUpload()
        #expect(location.contains(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/))
        locations.insert(location)
      }
      #expect(locations.count == 3)
    }

    /// The path without the last slash, as clients have always been allowed to write it.
    @Test("starts without the path's last slash too")
    func startWithoutSlash() async throws {
      let repository = try TestRepository()
      let started = try await repository.expect(202, "POST", String(repository.uploads.dropLast()))
      let blob = Content.random(100)
      let location = try #require(started["location"])
      try await repository.expect(
        201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"), headers: .octets, body: blob.bytes)
    }

    @Test("tells how far it is, and where it goes on")
    func status() async throws {
      let repository = try TestRepository()
      let blob = Content.random(5000)
      var location = try await repository.startUpload()
      try await repository.expect(204, "GET", location)
      for range in [0..<1500, 1500..<5000] {
        let sent = try await repository.expect(
          202, "PATCH", location, headers: .chunk(range), body: blob.bytes.subdata(in: range))
        let status = try await repository.expect(204, "GET", try #require(sent["location"]))
        #expect(status["range"] == "0-\(range.upperBound - 1)")
        #expect(status.body.isEmpty)
        location = try #require(status["location"])
      }
      try await repository.expect(201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"))
    }

    @Test("is unknown once it is finished")
    func finished() async throws {
      let repository = try TestRepository()
      let blob = Content.random(100)
      let location = try await repository.startUpload()
      try await repository.expect(
        201, "PUT", Curl.url(location, adding: "digest=\(blob.digest)"), headers: .octets, body: blob.bytes)
      try await expectUnknown(location, repository)
      try await repository.expectPull(blob: blob)
    }

    @Test("is unknown once it is cancelled, with content or without", arguments: [0, 2000])
    func cancelled(_ count: Int) async throws {
      let repository = try TestRepository()
      let blob = Content.random(count)
      var location = try await repository.startUpload()
      if count > 0 {
        let sent = try await repository.expect(
          202, "PATCH", location, headers: .chunk(0..<count), body: blob.bytes)
        location = try #require(sent["location"])
      }
      let answer = try await repository.expect(204, "DELETE", location)
      #expect(answer.body.isEmpty)
      try await expectUnknown(location, repository)
      try await repository.expect(404, "GET", repository.blob(blob.digest), code: .blobUnknown)
    }

    @Test(
      "that nobody started is unknown", arguments: Request.allCases, ["0", "..", "\(UUID())".lowercased()])
    func neverStarted(_ request: Request, _ id: String) async throws {
      let repository = try TestRepository()
      try await repository.startUploadForNothing()
      try await expectUnknown(request, repository.uploads + id, repository, #_sourceLocation)
    }

    @Test("is unknown in every other repository", arguments: Request.allCases)
    func otherRepository(_ request: Request) async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      try await other.startUploadForNothing()
      let location = try await repository.startUpload()
      let elsewhere = repository.http.path(of: location).replacing(repository.name, with: other.name)
      try await expectUnknown(request, elsewhere, other, #_sourceLocation)
      try await repository.expect(204, "GET", location)
    }
  }
}

extension TestRepository {
  /// Makes the repository one that has seen a push.
  fileprivate func startUploadForNothing() async throws { _ = try await startUpload() }
}
