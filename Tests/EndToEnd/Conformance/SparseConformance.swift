import Foundation
import Testing

/// A manifest that refers to content which is not there. Section "Push" leaves it to the registry whether to
/// take one; this one takes none unless its operator says so.
enum SparseData: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case imageWithoutLayer = "an image that lacks a layer"
  case imageWithoutConfig = "an image that lacks its config"
  case imageWithoutBlobs = "an image that lacks everything"
  case artifactWithoutLayer = "an artifact that lacks its layer"
  case indexWithoutPlatform = "an index that lacks a platform"
  case indexWithoutPlatforms = "an index that lacks everything"
  case nestedIndex = "an index of an index that lacks a platform"

  var testDescription: String { rawValue }

  var lacksBlobs: Bool { ![.indexWithoutPlatform, .indexWithoutPlatforms, .nestedIndex].contains(self) }

  /// - Returns: what is there and can be pushed in this order, and what is not.
  func goods() throws -> (goods: Goods, missing: [Content]) {
    var goods = Goods()
    var missing: [Content] = []
    let absent = Content.random(1024, MediaType.manifest)
    var platform = absent.descriptor
    platform.platform = .init(architecture: "arm64")
    switch self {
    case .imageWithoutLayer, .imageWithoutConfig, .imageWithoutBlobs:
      try goods.addImage(
        layers: [.random(900, MediaType.gzipLayer), .random(900, MediaType.gzipLayer)], tag: "v1")
      let lost = self == .imageWithoutLayer ? [0] : self == .imageWithoutConfig ? [2] : [0, 1, 2]
      missing = lost.map { goods.blobs[$0] }
    case .artifactWithoutLayer:
      try goods.addArtifact(MediaType.bill, tag: "v1")
      missing = [goods.blobs[0]]
    case .indexWithoutPlatform:
      try goods.addIndex(of: [goods.addImage(), platform], tag: "v1")
      missing = [absent]
    case .indexWithoutPlatforms:
      try goods.addIndex(of: [platform], tag: "v1")
      missing = [absent]
    case .nestedIndex:
      let index = try goods.addIndex(of: [goods.addImage(), platform])
      try goods.addIndex(of: [index], tag: "v1")
      missing = [absent]
    }
    let lost = Set(missing.map(\.digest))
    goods.blobs.removeAll { lost.contains($0.digest) }
    return (goods, missing)
  }
}

extension ConformanceTests {
  /// Section "Push", where nothing sparse is allowed, as by default.
  @Suite("a sparse manifest, not allowed")
  struct RefusedSparseConformance {
    @Test(
      "is refused with MANIFEST_BLOB_UNKNOWN for what is missing, and is not there",
      arguments: SparseData.allCases)
    func refuse(_ data: SparseData) async throws {
      let repository = try TestRepository()
      let (goods, missing) = try data.goods()
      try await repository.push(blob: .random(10))
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        // The images of an index that lacks others are whole themselves.
        if !data.lacksBlobs && manifest.mediaType == MediaType.manifest {
          try await repository.push(manifest)
          continue
        }
        let answer = try await repository.http.send(
          "PUT", repository.manifest(manifest.digest) + "?tag=v1",
          headers: ["Content-Type": manifest.mediaType], body: manifest.bytes)
        #expect([400, 404].contains(answer.status))
        answer.expectErrorDocument(.manifestBlobUnknown, data.rawValue, #_sourceLocation)
        for reference in [manifest.digest, "v1"] {
          try await repository.expect(404, "GET", repository.manifest(reference), code: .manifestUnknown)
        }
      }
      for content in missing { try await repository.expect(404, "HEAD", repository.blob(content.digest)) }
    }
  }

  /// Section "Push", where the operator allows all that is sparse.
  @Suite("a sparse manifest, allowed", .server(["KONTOR_PUSH_ALLOWSPARSE": "all"]))
  struct AllowedSparseConformance {
    private func pushed(_ data: SparseData) async throws -> (
      repository: TestRepository, goods: Goods, missing: [Content]
    ) {
      let repository = try TestRepository()
      let (goods, missing) = try data.goods()
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        let answer = try await repository.push(manifest)
        #expect(answer["docker-content-digest"] == manifest.digest)
        for tag in goods.tags(of: manifest) { try await repository.push(manifest, as: tag) }
      }
      return (repository, goods, missing)
    }

    @Test("is there with all it has; the rest is 404", arguments: SparseData.allCases)
    func pull(_ data: SparseData) async throws {
      let (repository, goods, missing) = try await pushed(data)
      for manifest in goods.manifests {
        for reference in [manifest.digest] + goods.tags(of: manifest) {
          try await repository.expectPull(manifest, as: reference)
        }
      }
      for blob in goods.blobs { try await repository.expectPull(blob: blob) }
      for content in missing {
        for method in ["GET", "HEAD", "DELETE"] {
          try await repository.expect(404, method, repository.blob(content.digest), code: .blobUnknown)
        }
        try await repository.expect(404, "GET", repository.manifest(content.digest), code: .manifestUnknown)
      }
      let list = try await repository.expect(200, "GET", repository.tagList).json(TagList.self)
      #expect(list.tags == ["v1"])
    }

    @Test(
      "becomes whole when what it lacks comes", arguments: SparseData.allCases.filter(\.lacksBlobs),
      BlobUpload.allCases)
    func complete(_ data: SparseData, _ upload: BlobUpload) async throws {
      let (repository, goods, missing) = try await pushed(data)
      for blob in missing {
        let answer = try await upload.send(blob, to: repository)
        #expect(answer.status == 201)
      }
      for blob in goods.blobs + missing { try await repository.expectPull(blob: blob) }
      for manifest in goods.manifests { try await repository.expectPull(manifest) }
    }

    @Test("becomes whole when what it lacks is mounted", arguments: SparseData.allCases.filter(\.lacksBlobs))
    func completeByMount(_ data: SparseData) async throws {
      let (repository, _, missing) = try await pushed(data)
      let source = try TestRepository()
      for blob in missing {
        // That a manifest of another repository names it is not enough to have it.
        try await repository.expect(
          202, "POST", "\(repository.uploads)?mount=\(blob.digest)&from=\(source.name)")
        try await source.push(blob: blob)
        try await repository.expect(404, "HEAD", repository.blob(blob.digest))
        try await repository.expect(
          201, "POST", "\(repository.uploads)?mount=\(blob.digest)&from=\(source.name)")
        try await repository.expectPull(blob: blob)
      }
    }

    @Test("is deleted like any other, and may come again", arguments: SparseData.allCases)
    func delete(_ data: SparseData) async throws {
      let (repository, goods, _) = try await pushed(data)
      for manifest in goods.manifests.reversed() {
        try await repository.expect(202, "DELETE", repository.manifest(manifest.digest))
        for reference in [manifest.digest] + goods.tags(of: manifest) {
          try await repository.expect(404, "GET", repository.manifest(reference), code: .manifestUnknown)
        }
      }
      for manifest in goods.manifests { try await repository.push(manifest, tags: goods.tags(of: manifest)) }
      for manifest in goods.manifests { try await repository.expectPull(manifest) }
    }
  }

  /// Section "Push", where the operator allows indexes of which some platforms are missing, and no more.
  @Suite("a sparse manifest, allowed for indexes", .server(["KONTOR_PUSH_ALLOWSPARSE": "indexes"]))
  struct AllowedSparseIndexConformance {
    @Test("is taken if it is an index, and refused if it is an image", arguments: SparseData.allCases)
    func push(_ data: SparseData) async throws {
      let repository = try TestRepository()
      let (goods, _) = try data.goods()
      try await repository.push(blob: .random(10))
      for blob in goods.blobs { try await repository.push(blob: blob) }
      for manifest in goods.manifests {
        if data.lacksBlobs {
          let answer = try await repository.http.send(
            "PUT", repository.manifest("v1"), headers: ["Content-Type": manifest.mediaType],
            body: manifest.bytes)
          #expect([400, 404].contains(answer.status))
          answer.expectErrorDocument(.manifestBlobUnknown, data.rawValue, #_sourceLocation)
        } else {
          try await repository.push(manifest, as: "v1")
          try await repository.expectPull(manifest, as: "v1")
        }
      }
    }
  }
}
