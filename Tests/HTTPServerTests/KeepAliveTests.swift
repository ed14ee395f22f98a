import HTTPServer
import NIOCore
import NIOHTTP1
import Testing

extension ServerTests {
  /// When a connection lives on after a response, and when it does not (RFC 9112, section 9.3).
  @Suite struct KeepAliveTests {
    @Test func servesManyRequestsOnOneConnection() async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...50 {
          try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try await client.response()
          #expect(response.status == 200)
          #expect(response.version == "HTTP/1.1")
          #expect(response["Content-Length"] == "5")
          #expect(response["Connection"] == nil)
          #expect(response["Date"]?.hasSuffix(" GMT") == true)
          #expect(response.text == "hello")
        }
        #expect(server.server.openConnections == 1)
        client.close()
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
        #expect(server.handler.finished.count == 50)
        #expect(server.handler.finished.allSatisfy { $0.outcome.isComplete && $0.outcome.bodyBytesSent == 5 })
      }
    }

    @Test(arguments: ["close", "Close", "foo, close"])
    func closesWhenAskedTo(connection: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\nConnection: \(connection)\r\n\r\n")
        let response = try await client.response()
        #expect(response["Connection"] == "close")
        #expect(response.text == "hello")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func closesWhenTheHandlerWantsThat() async throws {
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .bytes(ByteBuffer(string: "bye")), closesConnection: true))
      } body: { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try await client.response()
        #expect(response["Connection"] == "close")
        #expect(response.text == "bye")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func closesAfterHTTP10() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send("GET /fixed HTTP/1.0\r\n\r\n")
        let response = try await client.response()
        #expect(response.version == "HTTP/1.0")
        #expect(response.text == "hello")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func keepsAnHTTP10ConnectionThatAsksForIt() async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send("GET /fixed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
          let response = try await client.response()
          #expect(response["Connection"] == "keep-alive")
          #expect(response.text == "hello")
        }
      }
    }

    @Test func sendsNoBodyToHEAD() async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send("HEAD /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
          let response = try await client.response(isHead: true)
          #expect(response.status == 200)
          #expect(response["Content-Length"] == "5")
        }
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(try await client.response().text == "hello")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test(arguments: [204, 304]) func sendsNoBodyWhereTheStatusHasNone(status: Int) async throws {
      try await withServer { _ in
        .response(
          HTTPResponse(status: HTTPResponseStatus(statusCode: status), body: .bytes(ByteBuffer(string: "no")))
        )
      } body: { server in
        let client = try await server.connect()
        for _ in 1...2 {
          try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try await client.response().status == status)
        }
      }
    }

    /// A request for an upgrade may be answered as if it were none (RFC 9110, section 7.8), but the parser takes
    /// what follows it for the other protocol: so nothing may follow.
    @Test func answersARequestForAnUpgradeAndCloses() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "GET /fixed HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == 200)
        #expect(response["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func answersAClientThatHasFinishedSending() async throws {
      let gate = Gate()
      try await withServer { _ in
        .deferred {
          await gate.wait()
          return .text("late")
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        try await eventually("the handler has the request") { gate.waitingCount == 1 }
        gate.open()
        #expect(try await client.response().text == "late")
        #expect(try await client.rest().isEmpty)
      }
    }
  }
}
