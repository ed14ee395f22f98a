import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

extension ServerTests {
  /// Files as answers, whole and in part, with a tag that stands for the content.
  @Suite struct FileResponseTests {
    private static let content = "0123456789"

    private func withFile(
      _ text: String = content, body: (TestServer, TestFile) async throws -> Void
    ) async throws {
      let file = try TestFile(text)
      try await withServer { request in
        .response(
          .representation(
            of: file.body(), entityTag: "\"tag\"", headers: ["Content-Type": "text/x"], for: request))
      } body: { server in
        try await body(server, file)
        try await file.isClosedEverywhere()
      }
    }

    private func request(_ method: String = "GET", _ headers: [String] = []) -> String {
      (["\(method) / HTTP/1.1", "Host: a"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test func sendsTheWhole() async throws {
      try await withFile { server, file in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send(request())
          let response = try await client.response()
          #expect(response.status == 200)
          #expect(response["ETag"] == "\"tag\"")
          #expect(response["Accept-Ranges"] == "bytes")
          #expect(response["Content-Type"] == "text/x")
          #expect(response["Content-Length"] == "10")
          #expect(response["Content-Range"] == nil)
          #expect(response.text == Self.content)
        }
        // Also while the connection is open.
        try await file.isClosedEverywhere()
      }
    }

    @Test func sendsALargeFile() async throws {
      // More than a piece, and no multiple of it.
      let bytes = (0..<(5 << 20) + 12345).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
      let file = try TestFile(bytes)
      try await withServer { request in
        .response(.representation(of: file.body(), entityTag: "\"tag\"", headers: [:], for: request))
      } body: { server in
        let client = try await server.connect()
        for (header, range) in [
          ("X: y", 0..<bytes.count), ("Range: bytes=1-", 1..<bytes.count),
          ("Range: bytes=1048575-2097152", 1_048_575..<2_097_153),
          ("Range: bytes=-1", bytes.count - 1..<bytes.count),
        ] {
          try await client.send(request("GET", [header]))
          let response = try await client.response()
          #expect(response.body.count == range.count)
          #expect(response.body.elementsEqual(bytes[range]))
        }
        try await eventually("all are sent") { server.handler.finished.count == 4 }
        #expect(server.handler.finished[0].outcome.bodyBytesSent == bytes.count)
        try await file.isClosedEverywhere()
      }
    }

    @Test func sendsAnEmptyFile() async throws {
      try await withFile("") { server, _ in
        let client = try await server.connect()
        for header in ["X: y", "Range: a"] {
          try await client.send(request("GET", [header]))
          let response = try await client.response()
          #expect(response.status == 200)
          #expect(response["Content-Length"] == "0")
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
          try await client.send(request("GET", ["Range: \(range)"]))
          let response = try await client.response()
          #expect(response.status == 416)
          #expect(response["Content-Range"] == "bytes */0")
        }
      }
    }

    @Test(arguments: [
      ("bytes=0-0", "0", "bytes 0-0/10"),
      ("bytes=2-4", "234", "bytes 2-4/10"),
      ("bytes=7-", "789", "bytes 7-9/10"),
      ("bytes=9-9", "9", "bytes 9-9/10"),
      ("bytes=5-500", "56789", "bytes 5-9/10"),
      ("bytes=-3", "789", "bytes 7-9/10"),
      ("bytes=-300", "0123456789", "bytes 0-9/10"),
      ("Bytes=0-99999999999999999999", "0123456789", "bytes 0-9/10"),
    ])
    func sendsAPart(range: String, text: String, contentRange: String) async throws {
      try await withFile { server, _ in
        let response = try await server.answer(to: request("GET", ["Range: \(range)"]))
        #expect(response.status == 206)
        #expect(response["Content-Range"] == contentRange)
        #expect(response["Content-Length"] == "\(text.utf8.count)")
        #expect(response["ETag"] == "\"tag\"")
        #expect(response.text == text)
      }
    }

    @Test(arguments: ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=5-4", "bytes=99999999999999999999-"])
    func refusesAPartThatIsNotThere(range: String) async throws {
      try await withFile { server, file in
        let client = try await server.connect()
        for _ in 1...2 {
          try await client.send(request("GET", ["Range: \(range)"]))
          let response = try await client.response()
          #expect(response.status == 416)
          #expect(response["Content-Range"] == "bytes */10")
          #expect(response["Content-Type"] == nil)
          #expect(response.body.isEmpty)
        }
        try await file.isClosedEverywhere()
      }
    }

    @Test(arguments: [
      "bytes", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4", "bytes=--1", "0-1",
    ])
    func sendsTheWholeForARangeThatItDoesNotKnow(range: String) async throws {
      try await withFile { server, _ in
        let response = try await server.answer(to: request("GET", ["Range: \(range)"]))
        #expect(response.status == 200)
        #expect(response.text == Self.content)
      }
    }

    /// A part is of use only to who has the rest of the same content (RFC 9110, section 13.1.5).
    @Test(arguments: [
      ("\"tag\"", 206), ("\"other\"", 200), ("W/\"tag\"", 200), ("Tue, 24 Nov 2026 00:00:00 GMT", 200),
    ])
    func sendsAPartIfItIsOfTheSame(ifRange: String, status: Int) async throws {
      try await withFile { server, _ in
        let response = try await server.answer(
          to: request("GET", ["Range: bytes=1-2", "If-Range: \(ifRange)"]))
        #expect(response.status == status)
        #expect(response.text == (status == 206 ? "12" : Self.content))
      }
    }

    @Test(arguments: [
      ("\"tag\"", 304), ("W/\"tag\"", 304), ("*", 304), ("\"a\", \"tag\"", 304),
      ("\"a\",W/\"tag\" , \"b\"", 304),
      ("\"other\"", 200), ("tag", 200), ("\"TAG\"", 200),
    ])
    func sendsNothingThatTheClientHas(ifNoneMatch: String, status: Int) async throws {
      try await withFile { server, file in
        let client = try await server.connect()
        for method in ["GET", "HEAD"] {
          try await client.send(request(method, ["If-None-Match: \(ifNoneMatch)"]))
          let response = try await client.response(isHead: method == "HEAD")
          #expect(response.status == status)
          #expect(response["ETag"] == "\"tag\"")
          #expect(response.text == (status == 304 || method == "HEAD" ? "" : Self.content))
        }
        try await file.isClosedEverywhere()
      }
    }

    /// It comes before the range (RFC 9110, section 13.2.2).
    @Test func ifNoneMatchComesBeforeRange() async throws {
      try await withFile { server, _ in
        let response = try await server.answer(
          to: request("GET", ["Range: bytes=1-2", "If-None-Match: \"tag\""]))
        #expect(response.status == 304)
      }
    }

    @Test func sendsOnlyTheHeadersToHEAD() async throws {
      try await withFile { server, file in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send(request("HEAD"))
          let response = try await client.response(isHead: true)
          #expect(response.status == 200)
          #expect(response["Content-Length"] == "10")
          #expect(response["ETag"] == "\"tag\"")
        }
        try await client.send(request())
        #expect(try await client.response().text == Self.content)
        try await file.isClosedEverywhere()
      }
    }
  }
}
