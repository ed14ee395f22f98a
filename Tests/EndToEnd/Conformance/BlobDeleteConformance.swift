import Foundation
import Testing

extension ConformanceTests {
  /// Section "Deleting Blobs": end-10.
  @Suite("deleting a blob")
  struct BlobDeleteConformance {
    @Test("202, and the blob is gone at once", arguments: HashAlgorithm.allCases, [0, 512])
    func delete(_ algorithm: HashAlgorithm, _ size: Int) async throws {
      let repository = try TestRepository()
      let blob = Content.random(size, algorithm: algorithm)
      try await repository.push(blob: blob)
      try await repository.expect(202, "DELETE", repository.blob(blob.digest))
      for method in ["GET", "HEAD"] {
        try await repository.expect(404, method, repository.blob(blob.digest), code: .blobUnknown)
      }
    }

    @Test("404 for one that is not there, and for one that was deleted")
    func missing() async throws {
      let repository = try TestRepository()
      let blob = Content.random(512)
      try await repository.push(blob: .random(10))
      try await repository.expect(404, "DELETE", repository.blob(blob.digest), code: .blobUnknown)
      try await repository.push(blob: blob)
      try await repository.expect(202, "DELETE", repository.blob(blob.digest))
      try await repository.expect(404, "DELETE", repository.blob(blob.digest), code: .blobUnknown)
    }

    @Test("404 in a repository that does not exist")
    func unknownRepository() async throws {
      let repository = try TestRepository()
      try await repository.expect(404, "DELETE", repository.blob(Content.random(10).digest))
    }

    @Test("400 for a malformed digest")
    func malformedDigest() async throws {
      let repository = try TestRepository()
      try await repository.expect(
        400, "DELETE", repository.blob("sha256:baddigeststring"), code: .digestInvalid)
    }

    @Test("other repositories keep it")
    func otherRepositories() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      let blob = Content.random(512)
      try await repository.push(blob: blob)
      try await other.push(blob: blob)
      try await repository.expect(202, "DELETE", repository.blob(blob.digest))
      try await other.expectPull(blob: blob)
    }

    @Test("it may be pushed again", arguments: BlobUpload.allCases)
    func pushAgain(_ upload: BlobUpload) async throws {
      let repository = try TestRepository()
      let blob = Content.random(3067)
      for _ in 0..<2 {
        let answer = try await upload.send(blob, to: repository)
        #expect(answer.status == 201)
        try await repository.expectPull(blob: blob)
        try await repository.expect(202, "DELETE", repository.blob(blob.digest))
        try await repository.expect(404, "GET", repository.blob(blob.digest))
      }
    }

    /// Section "Warnings": code 299, agent "-", no date, at most 4096 bytes.
    @Test("a manifest that still refers to it: a Warning says so, and the manifest stays")
    func referenced() async throws {
      let repository = try TestRepository()
      let image = try Goods.image()
      for blob in image.blobs { try await repository.push(blob: blob) }
      let manifest = image.manifests[0]
      try await repository.push(manifest, as: "v1")
      for blob in image.blobs {
        let answer = try await repository.expect(202, "DELETE", repository.blob(blob.digest))
        let warning = try #require(answer["warning"])
        #expect(warning.wholeMatch(of: /299 - "([^"\\]|\\.)+"/) != nil, "\(warning)")
        #expect(warning.utf8.count <= 4096)
        try await repository.expect(404, "GET", repository.blob(blob.digest), code: .blobUnknown)
      }
      try await repository.expectPull(manifest, as: "v1")
      // Such an image is whole again as soon as its blobs are.
      for blob in image.blobs {
        try await repository.push(blob: blob)
        try await repository.expectPull(blob: blob)
      }
    }

    @Test("no Warning for a blob that nothing refers to")
    func unreferenced() async throws {
      let repository = try TestRepository()
      let blob = Content.random(512)
      try await repository.push(blob: blob)
      let answer = try await repository.expect(202, "DELETE", repository.blob(blob.digest))
      #expect(answer["warning"] == nil)
    }
  }
}
