import Foundation
import Testing

/// A repository of the suite's server, of a name that no other test has.
struct TestRepository: Sendable {
  let name: String
  let http: PlainHTTP
  /// For what `PlainHTTP` does not do: chunked request bodies, and header fields that come more than once.
  let curl: Curl

  init() throws {
    let kontor = try SharedServer.kontor
    name = "conformance/" + String(UInt64.random(in: .min ... .max), radix: 36)
    http = PlainHTTP(kontor.endpoint)
    curl = Curl(endpoint: kontor.endpoint)
  }

  var uploads: String { "/v2/\(name)/blobs/uploads/" }
  var tagList: String { "/v2/\(name)/tags/list" }
  func blob(_ digest: String) -> String { "/v2/\(name)/blobs/\(digest)" }
  func manifest(_ reference: String) -> String { "/v2/\(name)/manifests/\(reference)" }
  func referrers(_ digest: String) -> String { "/v2/\(name)/referrers/\(digest)" }

  /// Sends a request and requires the answer's status.
  ///
  /// - Parameters:
  ///   - path: a path, or a `Location`.
  ///   - code: what each entry of the error document must have.
  @discardableResult
  func expect(
    _ status: Int, _ method: String, _ path: String, headers: [String: String] = [:], body: Data = Data(),
    code: ErrorCode? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> PlainHTTP.Response {
    let response = try await http.send(method, http.path(of: path), headers: headers, body: body)
    let answer = "\(response.status) \(String(decoding: response.body.prefix(600), as: UTF8.self))"
    let request = "\(method) \(path.prefix(300))"
    try #require(response.status == status, "\(request): \(answer)", sourceLocation: sourceLocation)
    #expect(response["x-request-id"] != nil, "\(request)", sourceLocation: sourceLocation)
    if status >= 400 && method != "HEAD" {
      response.expectErrorDocument(code, "\(request): \(answer)", sourceLocation)
    }
    return response
  }

  /// Pushes a blob by POST and PUT.
  func push(blob: Content, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let session = try await startUpload(sourceLocation: sourceLocation)
    try await expect(
      201, "PUT", Curl.url(session, adding: "digest=\(blob.digest)"), headers: .octets, body: blob.bytes,
      sourceLocation: sourceLocation)
  }

  /// Pushes a manifest, by its digest unless a tag is given.
  @discardableResult
  func push(
    _ manifest: Content, as reference: String? = nil, tags: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> PlainHTTP.Response {
    let query = tags.isEmpty ? "" : "?" + tags.map { "tag=\($0)" }.joined(separator: "&")
    return try await expect(
      201, "PUT", self.manifest(reference ?? manifest.digest) + query,
      headers: ["Content-Type": manifest.mediaType], body: manifest.bytes, sourceLocation: sourceLocation)
  }

  /// Pushes an image of one layer and returns its manifest.
  @discardableResult
  func pushImage(tags: [String] = [], algorithm: HashAlgorithm = .sha256) async throws -> Content {
    let image = try Goods.image(algorithm: algorithm)
    for blob in image.blobs { try await push(blob: blob) }
    let manifest = try #require(image.manifests.last)
    try await push(manifest, tags: tags)
    return manifest
  }

  /// Starts an upload session (end-4a) and returns where it goes on.
  func startUpload(
    query: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let started = try await expect(202, "POST", uploads + query, sourceLocation: sourceLocation)
    return try #require(started["location"], sourceLocation: sourceLocation)
  }

  /// Expects that a manifest and its HEAD are there, under a tag or its digest.
  func expectPull(
    _ manifest: Content, as reference: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for method in ["GET", "HEAD"] {
      let found = try await expect(
        200, method, self.manifest(reference ?? manifest.digest), headers: ["Accept": manifest.mediaType],
        sourceLocation: sourceLocation)
      #expect(method == "HEAD" || found.body == manifest.bytes, sourceLocation: sourceLocation)
      #expect(found["content-type"] == manifest.mediaType, sourceLocation: sourceLocation)
      #expect(found["content-length"] == "\(manifest.bytes.count)", sourceLocation: sourceLocation)
      #expect(found["docker-content-digest"] == manifest.digest, sourceLocation: sourceLocation)
    }
  }

  /// Expects that a blob and its HEAD are there.
  func expectPull(blob: Content, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    for method in ["GET", "HEAD"] {
      let found = try await expect(200, method, self.blob(blob.digest), sourceLocation: sourceLocation)
      #expect(method == "HEAD" || found.body == blob.bytes, sourceLocation: sourceLocation)
      #expect(found["content-length"] == "\(blob.bytes.count)", sourceLocation: sourceLocation)
      #expect(found["docker-content-digest"] == blob.digest, sourceLocation: sourceLocation)
    }
  }
}

extension [String: String] {
  /// The headers of a blob's content.
  static let octets = ["Content-Type": "application/octet-stream"]

  /// The headers of a chunk.
  static func chunk(_ range: Range<Int>) -> Self {
    octets.merging(["Content-Range": "\(range.lowerBound)-\(range.upperBound - 1)"]) { $1 }
  }
}
