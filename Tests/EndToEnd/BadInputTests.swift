import Foundation
import Testing

extension EndToEndTests {
  /// What a registry must refuse: with the specification's code, and without a trace in its data directory.
  @Suite("bad input", .serialized)
  struct BadInputTests {
    private static let manifestType = ["Content-Type": OCILayout.MediaType.manifest]
    private static let unknown = sha256(Data("nobody pushed this".utf8))

    /// One request and the answer it should get.
    struct Case: Sendable, CustomStringConvertible {
      var description: String
      var method: String
      var path: String
      var headers: [String: String] = [:]
      var body = Data()
      var status: Int
      var code: String?

      init(
        _ description: String, _ method: String, _ path: String, headers: [String: String] = [:],
        body: String = "", gives status: Int, _ code: String?
      ) {
        self.description = description
        self.method = method
        self.path = path
        self.headers = headers
        self.body = Data(body.utf8)
        self.status = status
        self.code = code
      }
    }

    private static func manifest(_ body: String, _ description: String, code: String = "MANIFEST_INVALID")
      -> Case
    {
      Case(
        description, "PUT", "/v2/a/manifests/v1", headers: manifestType, body: body, gives: 400, code)
    }

    static let cases: [Case] = [
      Case("an upper-case name", "GET", "/v2/Upper/tags/list", gives: 400, "NAME_INVALID"),
      Case(
        "a name too long", "GET", "/v2/\(String(repeating: "n", count: 256))/tags/list", gives: 400,
        "NAME_INVALID"),
      Case("a name with dots", "POST", "/v2/../../etc/blobs/uploads/", gives: 400, "NAME_INVALID"),
      Case("an encoded dot name", "POST", "/v2/%2e%2e/blobs/uploads/", gives: 400, "NAME_INVALID"),
      Case("an encoded slash", "POST", "/v2/a%2f..%2f..%2fetc/blobs/uploads/", gives: 400, "NAME_INVALID"),
      Case("a broken encoding", "GET", "/v2/a%zz/tags/list", gives: 400, "NAME_INVALID"),
      Case("a malformed tag", "GET", "/v2/a/manifests/-v1", gives: 400, "MANIFEST_INVALID"),
      Case(
        "a tag that climbs", "PUT", "/v2/a/manifests/..%2f..%2fx", headers: manifestType, body: "{}",
        gives: 400, nil),
      Case(
        "a tag parameter that climbs", "PUT", "/v2/a/manifests/v1?tag=../x", headers: manifestType,
        body: "{}", gives: 400, "MANIFEST_INVALID"),
      Case("a short digest", "GET", "/v2/a/blobs/sha256:abc", gives: 400, "DIGEST_INVALID"),
      Case(
        "an upper-case digest", "GET", "/v2/a/blobs/\(unknown.uppercased())", gives: 400, "DIGEST_INVALID"),
      Case(
        "an unknown algorithm", "GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", gives: 400,
        "DIGEST_INVALID"),
      Case("a digest that climbs", "GET", "/v2/a/blobs/sha256:..%2f..%2fkontor.sqlite", gives: 400, nil),
      Case("a session that climbs", "GET", "/v2/a/blobs/uploads/..%2f..%2fkontor.sqlite", gives: 400, nil),
      Case("a session of dots", "GET", "/v2/a/blobs/uploads/..", gives: 404, "BLOB_UPLOAD_UNKNOWN"),
      Case(
        "an unknown session", "PATCH", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000", body: "x",
        gives: 404, "BLOB_UPLOAD_UNKNOWN"),
      Case(
        "an unknown digest algorithm", "POST", "/v2/a/blobs/uploads/?digest-algorithm=crc32", gives: 400,
        "DIGEST_INVALID"),
      Case(
        "a malformed digest parameter", "POST", "/v2/a/blobs/uploads/?digest=sha256:xyz", body: "x",
        gives: 400, "DIGEST_INVALID"),
      Case(
        "the wrong digest at once", "POST", "/v2/a/blobs/uploads/?digest=\(unknown)", body: "x", gives: 400,
        "DIGEST_INVALID"),
      Case(
        "a malformed mount", "POST", "/v2/a/blobs/uploads/?mount=sha256:xyz&from=b", gives: 400,
        "DIGEST_INVALID"),
      Case(
        "a mount from nowhere valid", "POST", "/v2/a/blobs/uploads/?mount=\(unknown)&from=../b", gives: 400,
        "NAME_INVALID"),
      Case("a page size that is none", "GET", "/v2/_catalog?n=many", gives: 400, nil),
      Case("a negative page size", "GET", "/v2/_catalog?n=-1", gives: 400, nil),
      manifest("", "no manifest at all"),
      manifest("{", "broken JSON"),
      manifest("[]", "JSON that is no object"),
      manifest("{}", "an empty object"),
      manifest(String(repeating: "[", count: 100_000), "JSON nested without end"),
      manifest(#"{"schemaVersion": 1, "name": "a", "tag": "v1", "fsLayers": []}"#, "schema 1"),
      manifest(#"{"schemaVersion": 2, "manifests": [], "layers": []}"#, "an index and an image in one"),
      manifest(
        #"{"schemaVersion": 2, "mediaType": "\#(OCILayout.MediaType.manifest)", "config": {"mediaType": "x/y", "digest": "sha256:1", "size": 1}, "layers": []}"#,
        "a malformed digest in it"),
      manifest(
        #"{"schemaVersion": 2, "mediaType": "\#(OCILayout.MediaType.manifest)", "config": {"mediaType": "x/y", "digest": "\#(unknown)", "size": 1}, "layers": []}"#,
        "blobs that are not there", code: "MANIFEST_BLOB_UNKNOWN"),
      Case(
        "the wrong digest of a manifest", "PUT", "/v2/a/manifests/\(unknown)", headers: manifestType,
        body: #"{"schemaVersion": 2, "layers": []}"#, gives: 400, "DIGEST_INVALID"),
      Case("a method nobody has", "PATCH", "/v2/a/manifests/v1", body: "x", gives: 405, "UNSUPPORTED"),
    ]

    @Test("each gets its code, and nothing stays")
    func refusals() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        for bad in Self.cases {
          let answer = try await http.send(bad.method, bad.path, headers: bad.headers, body: bad.body)
          #expect(answer.status == bad.status, "\(bad): \(String(decoding: answer.body, as: UTF8.self))")
          let codes = try #require(answer.errorCodes, "\(bad): no error document")
          if let code = bad.code { #expect(codes.first == code, "\(bad)") }
        }
        // A manifest of one byte more than the limit, announced and not.
        let large = Data(#"{"schemaVersion": 2, "x": ""#.utf8) + Data(repeating: 0x61, count: 4 << 20)
        let tooLarge = try await http.send(
          "PUT", "/v2/a/manifests/v1", headers: Self.manifestType, body: large)
        #expect(tooLarge.status == 413)
        #expect(tooLarge.errorCodes == ["MANIFEST_INVALID"])
        try await expectNothing(kontor)
      }
    }

    @Test("chunks out of order and of the wrong length")
    func chunks() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        let start = try await http.send("POST", "/v2/a/blobs/uploads/")
        var path = http.path(of: try #require(start["location"]))
        let first = try await http.send(
          "PATCH", path, headers: ["Content-Range": "0-9"], body: Data(count: 10))
        #expect(first.status == 202)
        path = http.path(of: try #require(first["location"]))
        for range in ["0-9", "11-20", "9-18", "1000000-1000009"] {
          let wrong = try await http.send(
            "PATCH", path, headers: ["Content-Range": range], body: Data(count: 10))
          #expect(wrong.status == 416, "\(range)")
          #expect(wrong["range"] == "0-9")
          #expect(wrong.errorCodes == ["BLOB_UPLOAD_INVALID"])
        }
        for (range, code) in [
          ("10-18", "SIZE_INVALID"), ("10-20", "SIZE_INVALID"), ("19-10", "BLOB_UPLOAD_INVALID"),
          ("ten-nineteen", "BLOB_UPLOAD_INVALID"), ("-5-10", "BLOB_UPLOAD_INVALID"),
          ("10-99999999999999999999", "BLOB_UPLOAD_INVALID"),
        ] {
          let wrong = try await http.send(
            "PATCH", path, headers: ["Content-Range": range], body: Data(count: 10))
          #expect(wrong.status == 400, "\(range)")
          #expect(wrong.errorCodes == [code], "\(range)")
        }
        let status = try await http.send("GET", path)
        #expect(status["range"] == "0-9")
        #expect(try await http.send("DELETE", path).status == 204)
        try await expectNothing(kontor)
      }
    }

    @Test("bodies that stop midway leave nothing, but what a session had is kept")
    func brokenBodies() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        let content = Data(repeating: 7, count: 1_000_000)
        await #expect(throws: PlainHTTP.Broken.self) {
          try await http.send(
            "POST", "/v2/a/blobs/uploads/?digest=\(sha256(content))", body: content, sentBytes: 400_000)
        }
        await #expect(throws: PlainHTTP.Broken.self) {
          try await http.send(
            "PUT", "/v2/a/manifests/v1", headers: Self.manifestType, body: content, sentBytes: 400_000)
        }
        let start = try await http.send("POST", "/v2/a/blobs/uploads/")
        let path = http.path(of: try #require(start["location"]))
        await #expect(throws: PlainHTTP.Broken.self) {
          try await http.send(
            "PUT", Curl.url(path, adding: "digest=\(sha256(content))"), body: content, sentBytes: 400_000)
        }
        // A PUT says that this is all there is: broken off, its session is over, once the server has seen it.
        try await kontor.daemon.waitFor("the session's end") { _ in
          try await http.send("GET", path).status == 404 ? true : nil
        }
        try await expectNothing(kontor)
      }
    }

    @Test("the same blob pushed by many at once is stored once, and everyone gets 201")
    func duplicateUploads() async throws {
      try await KontorProcess.with { kontor in
        let http = PlainHTTP(kontor.endpoint)
        var generator = SeededGenerator(seed: 11)
        let content = generator.data(3_000_000)
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
          for number in 0..<24 {
            group.addTask { try await http.pushBlob("trade/\(number % 3)", content).status }
          }
          return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(answers == Array(repeating: 201, count: 24))
        #expect(try files(below: "\(kontor.data)/blobs") == [String(sha256(content).dropFirst(7))])
        #expect(try files(below: "\(kontor.data)/uploads") == [])
        for number in 0..<3 {
          #expect(try await http.blob("trade/\(number)", sha256(content)).body == content)
        }
      }
    }

    /// No blob, no upload, no repository. Files of broken requests go when the server notices the break.
    private func expectNothing(_ kontor: KontorProcess) async throws {
      try await kontor.daemon.waitFor("an empty data directory") { _ in
        try files(below: "\(kontor.data)/uploads").isEmpty ? true : nil
      }
      #expect(try files(below: "\(kontor.data)/blobs") == [])
      let catalog = try await PlainHTTP(kontor.endpoint).get("/v2/_catalog")
      #expect(String(decoding: catalog.body, as: UTF8.self) == #"{"repositories":[]}"#)
    }

    private func files(below directory: String) throws -> [String] {
      let root = URL(filePath: directory)
      let found = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isRegularFileKey])
      return try (found?.compactMap { $0 as? URL } ?? [])
        .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
        .map(\.lastPathComponent)
    }
  }
}
