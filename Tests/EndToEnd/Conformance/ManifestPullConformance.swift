import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Pulling manifests" and "Checking if content exists in the registry": end-3.
  @Suite("pulling a manifest")
  struct ManifestPullConformance {
    @Test("HEAD says what GET says, by tag and by digest", arguments: HashAlgorithm.allCases)
    func headLikeGet(_ algorithm: HashAlgorithm) async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage(tags: ["v1"], algorithm: algorithm)
      for reference in ["v1", manifest.digest] {
        let path = repository.manifest(reference)
        let get = try await repository.expect(200, "GET", path).headers
        let head = try await repository.expect(200, "HEAD", path).headers
        for name in ["content-length", "content-type", "docker-content-digest", "etag"] {
          #expect(get[name] == head[name], "\(name)")
        }
        // "The registry SHOULD NOT include parameters on the Content-Type header."
        #expect(get["content-type"] == manifest.mediaType)
      }
    }

    /// Section "Pulling manifests": the Content-Type is that of the push, whatever else the client would
    /// like.
    @Test(
      "whatever the client accepts, a manifest comes as what it is",
      arguments: [DataSet.image, .index, .artifact, .dockerImage, .dockerList, .imageWithoutMediaType],
      [
        nil, "*/*", "application/*", "\(MediaType.index), \(MediaType.manifest)",
        "\(MediaType.manifest);q=0.5, */*;q=0.1",
      ])
    func accept(_ data: DataSet, _ accept: String?) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        try await repository.push(manifest)
        let found = try await repository.expect(
          200, "GET", repository.manifest(manifest.digest), headers: accept.map { ["Accept": $0] } ?? [:])
        #expect(found["content-type"] == manifest.mediaType)
        #expect(found.body == manifest.bytes)
      }
    }

    @Test("two Accept fields count as one", arguments: [DataSet.image, .index])
    func twoAcceptFields(_ data: DataSet) async throws {
      let repository = try TestRepository()
      let goods = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests { try await repository.push(manifest, tags: goods.tags(of: manifest)) }
      let fields = [MediaType.index, MediaType.manifest].flatMap { ["-H", "Accept: \($0)"] }
      for (tag, digest) in goods.tags {
        let found = try await repository.curl.expect(200, "GET", repository.manifest(tag), flags: fields)
        #expect(found["Docker-Content-Digest"] == digest)
      }
    }

    /// Section "Registry Proxying": a registry may ignore `ns`, which clients of a mirror send.
    @Test("the parameter ns does no harm")
    func namespaceParameter() async throws {
      let repository = try TestRepository()
      let image = try Goods.image()
      for blob in image.blobs { try await repository.push(blob: blob) }
      try await repository.push(image.manifests[0], as: "v1")
      let paths = [repository.manifest("v1"), repository.blob(image.blobs[0].digest)]
      for path in paths {
        for method in ["GET", "HEAD"] { try await repository.expect(200, method, path + "?ns=docker.io") }
      }
    }

    /// RFC 9110, section 13.1.2.
    @Test(
      "If-None-Match: 304 without a body for the manifest that the client has", arguments: ["GET", "HEAD"])
    func ifNoneMatch(_ method: String) async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage(tags: ["v1"])
      for reference in ["v1", manifest.digest] {
        let path = repository.manifest(reference)
        let tag = try #require(try await repository.expect(200, "GET", path)["etag"])
        let same = try await repository.expect(304, method, path, headers: ["If-None-Match": tag])
        #expect(same.body.isEmpty)
        #expect(same["etag"] == tag)
        let list = try await repository.expect(
          304, method, path, headers: ["If-None-Match": "\"other\", W/\(tag)"])
        #expect(list.body.isEmpty)
        try await repository.expect(200, method, path, headers: ["If-None-Match": "\"other\""])
      }
      // A tag that moved gives the new manifest.
      let old = try #require(try await repository.expect(200, "GET", repository.manifest("v1"))["etag"])
      let moved = try await repository.pushImage(tags: ["v1"])
      let found = try await repository.expect(
        200, method, repository.manifest("v1"), headers: ["If-None-Match": old])
      #expect(found["docker-content-digest"] == moved.digest)
    }

    @Test("one that is not there: 404", arguments: ["GET", "HEAD"])
    func missing(_ method: String) async throws {
      let repository = try TestRepository()
      try await repository.pushImage(tags: ["v1"])
      let content = Data("missing content".utf8)
      for reference in ["v2", "V1", "missing-tag", sha256(content), sha512(content)] {
        try await repository.expect(404, method, repository.manifest(reference), code: .manifestUnknown)
      }
    }

    /// "An attempt to pull a nonexistent repository MUST return response code 404."
    @Test("one of a repository that does not exist: 404 NAME_UNKNOWN", arguments: ["GET", "HEAD"])
    func unknownRepository(_ method: String) async throws {
      let repository = try TestRepository()
      for reference in ["v1", sha256(Data())] {
        try await repository.expect(404, method, repository.manifest(reference), code: .nameUnknown)
      }
    }

    @Test("one of another repository: 404")
    func otherRepository() async throws {
      let repository = try TestRepository()
      let other = try TestRepository()
      try await repository.push(blob: .random(10))
      let manifest = try await other.pushImage(tags: ["v1"])
      for reference in ["v1", manifest.digest] {
        try await repository.expect(404, "GET", repository.manifest(reference), code: .manifestUnknown)
      }
    }

    /// A blob is no manifest, and a manifest no blob, though both are named by a digest.
    @Test("a blob's digest names no manifest: 404")
    func blobIsNoManifest() async throws {
      let repository = try TestRepository()
      let manifest = try await repository.pushImage()
      let blob = Content(manifest.bytes + Data("\n".utf8))
      try await repository.push(blob: blob)
      try await repository.expect(404, "GET", repository.manifest(blob.digest), code: .manifestUnknown)
    }

    @Test(
      "a malformed reference: 400 or 404",
      arguments: ["sha256:baddigeststring", "sha256:", "md5:00", "-x", "a%20b"])
    func malformedReference(_ reference: String) async throws {
      let repository = try TestRepository()
      try await repository.pushImage()
      for method in ["GET", "HEAD"] {
        let answer = try await repository.http.send(method, repository.manifest(reference))
        #expect([400, 404].contains(answer.status))
      }
    }
  }
}
