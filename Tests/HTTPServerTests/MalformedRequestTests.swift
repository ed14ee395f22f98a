import HTTPServer
import NIOCore
import Testing

extension ServerTests {
  /// Bytes that are no request, or an ambiguous one.
  @Suite struct MalformedRequestTests {
    @Test(arguments: [
      "NONSENSE\r\n\r\n",
      "GET\r\n\r\n",
      "GET /fixed\r\n\r\n",
      "GET /fixed HTTP/x.1\r\nHost: a\r\n\r\n",
      "GET /fixed HTTP/2.0\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "G\u{0}T /fixed HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET fixed HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /fi\u{0}xed HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      // No Host, or two of them (RFC 9112, section 3.2).
      "GET /fixed HTTP/1.1\r\n\r\n",
      "GET /fixed HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      // Header fields.
      "GET /fixed HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
      "GET /fixed HTTP/1.1\r\nHost: a\r\nSpaced : x\r\n\r\n",
      "GET /fixed HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
      "GET /fixed HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n",
      // Two servers in a row could take these for different requests (RFC 9112, section 6.3).
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello!",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ])
    func isRefused(bytes: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(bytes)
        let response = try await client.response()
        #expect(response.status == 400)
        #expect(response["Connection"] == "close")
        #expect(!response.text.isEmpty)
        #expect(try await client.rest().isEmpty)
        #expect(server.handler.finished.isEmpty)
        // It was that client's trouble alone.
        #expect(try await server.answer(to: "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n").text == "hello")
      }
    }

    /// A chunk that is none ends the body that it belongs to, and nothing after it is taken for a request.
    @Test(arguments: ["-1\r\n", "g\r\n", "3\r\nabcd\r\n", "fffffffffffffffff\r\n", "\r\n", "3\nabc\n0\n\n"])
    func brokenChunkBreaksTheBody(chunk: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)"
            + "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == 400)
        #expect(response["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
        #expect(server.handler.finished.map(\.path) == ["/echo"])
      }
    }

    @Test func randomBytesAreRefused() async throws {
      try await withServer { server in
        for size in [1, 10, 1000, 100_000] {
          let client = try await server.connect()
          // The first is a control character, which no request begins with; the rest is whatever comes.
          try? await client.send([1] + (1..<size).map { _ in UInt8.random(in: .min ... .max) })
          client.finishSending()
          let rest = try await client.rest()
          #expect(rest.isEmpty || String(decoding: rest, as: UTF8.self).hasPrefix("HTTP/1.1 400 "))
          client.close()
        }
        #expect(server.handler.finished.isEmpty)
        #expect(try await server.answer(to: "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n").text == "hello")
      }
    }

    @Test func headersThatAreTooLargeOrTooManyAreRefused() async throws {
      let long = String(repeating: "x", count: 40 << 10)
      let half = String(repeating: "x", count: 20 << 10)
      let many = (1...200).map { "X-\($0): 1\r\n" }.joined()
      for request in [
        "GET /fixed HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n",
        "GET /fixed HTTP/1.1\r\nHost: a\r\n\(long): x\r\n\r\n",
        "GET /fixed HTTP/1.1\r\nHost: a\r\nX: \(half)\r\nY: \(half)\r\n\r\n",
        "GET /fixed HTTP/1.1\r\nHost: a\r\n\(many)\r\n",
        "GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n",
      ] {
        try await withServer { server in
          let response = try await server.answer(to: request)
          #expect(response.status == 431)
          #expect(response["Connection"] == "close")
        }
      }
    }

    /// Nothing is kept of a header that never ends.
    @Test func anEndlessHeaderIsCutOff() async throws {
      try await withServer { server in
        for start in ["GET /", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET / HTTP/1.1\r\nHost: a\r\n"] {
          let client = try await server.connect()
          try await client.send(start)
          try? await client.send([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
          #expect(try await client.response().status == 431)
          client.close()
        }
      }
    }

    /// The parser keeps what follows for the other protocol that there is none of.
    @Test(arguments: [
      "GET /fixed HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
      "CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n",
    ])
    func bytesAfterAnUpgradeAreNotKept(request: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(request)
        let before = try residentBytes()
        _ = try? await client.flood(upTo: 512 << 20)
        #expect(try residentBytes() - before < 256 << 20)
        client.close()
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test(arguments: [
      "http://other/target?a=1": "GET /target a=1",
      "http://other:80/target": "GET /target ",
      "https://other": "GET / ",
      "http://other?a=/b": "GET / a=/b",
      "/target?": "GET /target ",
      "/target?a=1?b=2": "GET /target a=1?b=2",
      "/target?u=http://x/y": "GET /target u=http://x/y",
      "//target": "GET //target ",
      "/%2e%2e/target": "GET /%2e%2e/target ",
    ])
    func targetIsPathAndQuery(target: String, text: String) async throws {
      try await withServer { request in
        .response(.text("\(request.method) \(request.path) \(request.query)"))
      } body: { server in
        let response = try await server.answer(to: "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.text == text)
      }
    }
  }
}
