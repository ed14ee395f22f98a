import HTTPServer
import NIOCore
import Testing

extension ServerTests {
  /// `Expect: 100-continue` (RFC 9110, section 10.1.1).
  @Suite struct ExpectContinueTests {
    @Test(arguments: ["Content-Length: 5", "Transfer-Encoding: chunked"])
    func asksForTheBodyWhenTheHandlerDoes(framing: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...2 {
          try await client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\(framing)\r\n\r\n")
          #expect(try await client.response().status == 100)
          try await client.send(framing.hasPrefix("C") ? "12345" : "5\r\n12345\r\n0\r\n\r\n")
          let response = try await client.response()
          #expect(response.status == 200)
          #expect(response.text == "12345")
        }
      }
    }

    /// The connection ends, for the server cannot know whether the body comes all the same.
    @Test func refusesWithoutAskingForTheBody() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == 403)
        #expect(response["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func doesNotAskForABodyThatIsThere() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n12345")
        #expect(try await client.response().status == 403)
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func doesNotAskAnHTTP10Client() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n12345")
        let response = try await client.response()
        #expect(response.status == 200)
        #expect(response.text == "12345")
      }
    }

    @Test func doesNotAskForNoBody() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
        #expect(try await client.response().status == 200)
      }
    }

    @Test func servesCurl() async throws {
      let file = try TestFile([UInt8](repeating: 7, count: 2 << 20))
      try await withServer { server in
        let result = try await Tool.curl([
          "-T", file.path, "-H", "Expect: 100-continue", "http://127.0.0.1:\(server.port)/count",
        ])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == "\(2 << 20)")
      }
    }
  }
}
