import Foundation
import Testing

extension ConformanceTests {
  /// Sections "Determining Support" (end-1), "Endpoints" and "Error Codes".
  @Suite("the API and its errors")
  struct ErrorConformance {
    /// A request, in which `NAME` stands for a repository, and what is answered to it.
    struct Case: Sendable, CustomTestStringConvertible {
      var method: String
      var path: String
      var status: Int
      var code: ErrorCode

      var testDescription: String { "\(method) \(path)" }

      init(_ method: String, _ path: String, _ status: Int, _ code: ErrorCode) {
        self.method = method
        self.path = path
        self.status = status
        self.code = code
      }
    }

    @Test("/v2/ tells that this is a registry", arguments: ["GET", "HEAD"], ["/v2/", "/v2"])
    func base(_ method: String, _ path: String) async throws {
      let repository = try TestRepository()
      let answer = try await repository.expect(200, method, path)
      #expect(answer["docker-distribution-api-version"] == "registry/2.0")
    }

    private static let digest = sha256(Data("missing".utf8))

    /// The document is checked by `expect`: each entry has a code of the specification and a message.
    @Test(
      "what is not there: 404 and its code",
      arguments: [
        Case("GET", "/v2/NAME/blobs/\(digest)", 404, .blobUnknown),
        Case("HEAD", "/v2/NAME/blobs/\(digest)", 404, .blobUnknown),
        Case("DELETE", "/v2/NAME/blobs/\(digest)", 404, .blobUnknown),
        Case("GET", "/v2/NAME/manifests/missing", 404, .manifestUnknown),
        Case("GET", "/v2/NAME/manifests/\(digest)", 404, .manifestUnknown),
        Case("DELETE", "/v2/NAME/manifests/missing", 404, .manifestUnknown),
        Case("GET", "/v2/NAME/blobs/uploads/00000000-0000-4000-8000-000000000000", 404, .blobUploadUnknown),
        Case(
          "DELETE", "/v2/NAME/blobs/uploads/00000000-0000-4000-8000-000000000000", 404, .blobUploadUnknown),
        Case("GET", "/v2/NAME/nobody/manifests/latest", 404, .nameUnknown),
        Case("GET", "/v2/NAME/nobody/tags/list", 404, .nameUnknown),
        Case("DELETE", "/v2/NAME/nobody/manifests/latest", 404, .nameUnknown),
        Case("GET", "/v2/NAME/tags", 404, .unsupported),
        Case("GET", "/v2/NAME", 404, .unsupported),
        Case("GET", "/v2/NAME/tags/list/", 404, .unsupported),
        Case("GET", "/v2/NAME/unknown/latest", 404, .unsupported),
        Case("GET", "/v2/_unknown", 404, .unsupported),
      ])
    func missing(_ request: Case) async throws { try await expect(request) }

    @Test(
      "what is malformed: 400 and its code",
      arguments: [
        Case("GET", "/v2/UPPER/tags/list", 400, .nameInvalid),
        Case("GET", "/v2/NAME/-x/tags/list", 400, .nameInvalid),
        Case("GET", "/v2/NAME//tags/list", 400, .nameInvalid),
        Case("GET", "/v2/NAME/a..b/manifests/latest", 400, .nameInvalid),
        Case("GET", "/v2/NAME/a___b/blobs/\(digest)", 400, .nameInvalid),
        Case("GET", "/v2/NAME%2Fb/tags/list", 400, .nameInvalid),
        Case("GET", "/v2/NAME/%C3%A9/tags/list", 400, .nameInvalid),
        Case("POST", "/v2/UPPER/blobs/uploads/", 400, .nameInvalid),
        Case("POST", "/v2/../etc/blobs/uploads/", 400, .nameInvalid),
        Case("POST", "/v2/\(String(repeating: "x", count: 256))/blobs/uploads/", 400, .nameInvalid),
        Case("GET", "/v2/NAME/blobs/sha256:x", 400, .digestInvalid),
        Case("GET", "/v2/NAME/manifests/sha256:x", 400, .digestInvalid),
        Case("GET", "/v2/NAME/referrers/sha256:x", 400, .digestInvalid),
        Case("POST", "/v2/NAME/blobs/uploads/?digest=sha256:x", 400, .digestInvalid),
      ])
    func malformed(_ request: Case) async throws { try await expect(request) }

    /// RFC 9110, section 15.5.6: a 405 has the header `Allow`.
    @Test(
      "a method that an endpoint does not have: 405, and Allow",
      arguments: [
        Case("POST", "/v2/", 405, .unsupported),
        Case("PUT", "/v2/NAME/blobs/\(digest)", 405, .unsupported),
        Case("POST", "/v2/NAME/manifests/latest", 405, .unsupported),
        Case("PATCH", "/v2/NAME/manifests/latest", 405, .unsupported),
        Case("GET", "/v2/NAME/blobs/uploads/", 405, .unsupported),
        Case("DELETE", "/v2/NAME/tags/list", 405, .unsupported),
        Case("PUT", "/v2/NAME/referrers/\(digest)", 405, .unsupported),
      ])
    func method(_ request: Case) async throws {
      let answer = try await expect(request)
      let allowed = try #require(answer["allow"])
      #expect(!allowed.split(separator: ", ").contains { $0 == request.method }, "\(allowed)")
    }

    @discardableResult
    private func expect(_ request: Case) async throws -> PlainHTTP.Response {
      let repository = try TestRepository()
      try await repository.push(blob: .random(10))
      return try await repository.expect(
        request.status, request.method, request.path.replacing("NAME", with: repository.name),
        code: request.code)
    }

    /// Section "Error Codes": `detail` may say what a client can use.
    @Test("an error's detail names what is missing")
    func detail() async throws {
      let repository = try TestRepository()
      try await repository.push(blob: .random(10))
      let blob = try await repository.expect(404, "GET", repository.blob(Self.digest), code: .blobUnknown)
      #expect(try blob.json(ErrorDocument.self).errors[0].detail?["digest"] == Self.digest)
      let manifest = try await repository.expect(
        404, "GET", repository.manifest("missing"), code: .manifestUnknown)
      #expect(try manifest.json(ErrorDocument.self).errors[0].detail?["reference"] == "missing")
    }

    @Test("a message quotes a malformed name without breaking the JSON")
    func quotedInput() async throws {
      let repository = try TestRepository()
      for name in ["%22%5C", "%00%1F", "%F0%9F%9A%A2", "%FF"] {
        let answer = try await repository.http.send("GET", "/v2/\(name)/tags/list")
        #expect(answer.status == 400)
        answer.expectErrorDocument(.nameInvalid, name, #_sourceLocation)
      }
    }
  }
}
