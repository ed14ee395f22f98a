import HTTPServer
import NIOCore
import NIOHTTP1
import Testing

extension ServerTests {
  /// Answers that do not wait for the end of the request's body.
  @Suite struct EarlyAnswerTests {
    /// What is left is received, for a new connection would cost more.
    @Test(arguments: [false, true]) func goesOnAfterASmallRest(isChunked: Bool) async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send(
            "PUT /refuse HTTP/1.1\r\nHost: a\r\n"
              + (isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 1000\r\n\r\n"))
          let response = try await client.response()
          #expect(response.status == 403)
          #expect(response["Connection"] == nil)
          let rest = String(repeating: "x", count: 1000)
          try await client.send(isChunked ? "3e8\r\n\(rest)\r\n0\r\n\r\n" : rest)
        }
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.response().text == "hello")
      }
    }

    /// Only the rest counts, not what the handler has read before.
    @Test(arguments: [false, true]) func goesOnAfterASmallRestOfALargeBody(isChunked: Bool) async throws {
      let read = 1 << 20
      try await withServer { request in
        guard request.method == .PUT else { return standardRoutes(request) }
        return .deferred {
          var count = 0
          while count < read, let piece = try? await request.body.next() { count += piece.readableBytes }
          return .text("enough")
        }
      } body: { server in
        let client = try await server.connect()
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: read)
        try await client.send(
          "PUT / HTTP/1.1\r\nHost: a\r\n"
            + (isChunked
              ? "Transfer-Encoding: chunked\r\n\r\n100000\r\n" : "Content-Length: \(read + 4)\r\n\r\n"))
        try await client.send(body)
        let response = try await client.response()
        #expect(response.text == "enough")
        #expect(response["Connection"] == nil)
        try await client.send(isChunked ? "\r\n4\r\nrest\r\n0\r\n\r\n" : "rest")
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.response().text == "hello")
      }
    }

    @Test func closesBeforeALargeRest() async throws {
      try await withServer { server in
        let client = try await server.connect()
        let length = 64 << 20
        try await client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == 403)
        #expect(response["Connection"] == "close")
        #expect(response.text == "no")
        #expect(try await client.rest().isEmpty)
      }
    }

    /// A client that looks for the answer only when all is sent gets it: a reset would have taken it away.
    @Test(arguments: [false, true]) func reachesAClientThatSendsFirst(isChunked: Bool) async throws {
      try await withServer { server in
        let client = try await server.connect()
        let length = 8 << 20
        try await client.send(
          "PUT /refuse HTTP/1.1\r\nHost: a\r\n"
            + (isChunked
              ? "Transfer-Encoding: chunked\r\n\r\n800000\r\n" : "Content-Length: \(length)\r\n\r\n"))
        try await client.send([UInt8](repeating: UInt8(ascii: "x"), count: length))
        if isChunked { try await client.send("\r\n0\r\n\r\n") }
        let response = try await client.response()
        #expect(response.status == 403)
        #expect(response.text == "no")
        #expect(try await client.rest().isEmpty)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test func reachesCurl() async throws {
      let file = try TestFile(sparse: 32 << 20)
      try await withServer { server in
        let result = try await Tool.curl([
          "-T", file.path, "-H", "Expect:", "-w", "%{http_code}", "http://127.0.0.1:\(server.port)/refuse",
        ])
        #expect(result.output == "no403", "\(result.errors)")
      }
    }

    /// The rest never comes, nor does another request: the client has seen what it wanted.
    @Test func closesWhenTheClientFinishesInsteadOfSendingTheRest() async throws {
      try await withServer { server in
        for length in [1000, 64 << 20] {
          let client = try await server.connect()
          try await client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\nhalf")
          #expect(try await client.response().status == 403)
          client.finishSending()
          #expect(try await client.rest().isEmpty)
        }
        try await eventually("the connections were let go") { server.server.openConnections == 0 }
      }
    }

    @Test func closesWhenTheRestDoesNotCome() async throws {
      try await withServer(configure: { $0.bodyTimeout = .milliseconds(200) }) { server in
        let client = try await server.connect()
        try await client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
        #expect(try await client.response().status == 403)
        #expect(try await client.rest().isEmpty)
      }
    }
  }
}
