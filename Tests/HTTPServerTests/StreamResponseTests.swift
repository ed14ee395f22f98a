import HTTPServer
import NIOCore
import NIOHTTP1
import Testing

extension ServerTests {
  /// Bodies that are made while they are sent.
  @Suite struct StreamResponseTests {
    private struct WriterFailed: Error {}

    private func response(
      length: Int64?, _ writer: @escaping @Sendable (ResponseBodyWriter) async throws -> Void
    ) -> HTTPAnswer {
      .response(HTTPResponse(status: .ok, body: .stream(length: length, writer)))
    }

    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func sendsChunksIfTheLengthIsUnknown() async throws {
      try await withServer { _ in
        response(length: nil) { writer in
          for text in ["one ", "", "two ", "three"] { try await writer.write(ByteBuffer(string: text)) }
        }
      } body: { server in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send(get)
          let response = try await client.response()
          #expect(response["Transfer-Encoding"] == "chunked")
          #expect(response["Content-Length"] == nil)
          #expect(response.text == "one two three")
        }
        try await eventually("all are sent") { server.handler.finished.count == 3 }
        #expect(
          server.handler.finished.allSatisfy { $0.outcome.isComplete && $0.outcome.bodyBytesSent == 13 })
      }
    }

    @Test func sendsTheLengthIfItIsKnown() async throws {
      try await withServer { _ in
        response(length: 6) { writer in
          for text in ["one", "two"] { try await writer.write(ByteBuffer(string: text)) }
        }
      } body: { server in
        let client = try await server.connect()
        for _ in 1...3 {
          try await client.send(get)
          let response = try await client.response()
          #expect(response["Transfer-Encoding"] == nil)
          #expect(response["Content-Length"] == "6")
          #expect(response.text == "onetwo")
        }
      }
    }

    @Test func sendsNothingAtAll() async throws {
      try await withServer { request in
        response(length: request.path == "/known" ? 0 : nil) { _ in }
      } body: { server in
        let client = try await server.connect()
        for path in ["/known", "/unknown", "/known"] {
          try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try await client.response().body.isEmpty)
        }
      }
    }

    /// A client that sees neither a length nor chunks waits for the end of the connection.
    @Test(arguments: ["", "Connection: keep-alive\r\n"])
    func endsWithTheConnectionInHTTP10(header: String) async throws {
      try await withServer { _ in
        response(length: nil) { try await $0.write(ByteBuffer(string: "text")) }
      } body: { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.0\r\n\(header)\r\n")
        let response = try await client.response()
        #expect(response["Transfer-Encoding"] == nil)
        #expect(response["Connection"] == "close")
        #expect(response.text == "text")
      }
    }

    /// Not even the end of chunks, which the client would take for the start of the next response.
    @Test(arguments: [nil, 4] as [Int64?]) func sendsNoBodyToHEAD(length: Int64?) async throws {
      let written = Recorder<Bool>()
      try await withServer { _ in
        response(length: length) { writer in
          written.add(true)
          try await writer.write(ByteBuffer(string: "text"))
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let response = try await client.response(isHead: true)
        #expect(response.status == 200)
        #expect(response["Content-Length"] == length.map { "\($0)" })
        #expect(try await client.rest().isEmpty)
        #expect(written.all.isEmpty)
        #expect(try await server.handler.firstOutcome().bodyBytesSent == 0)
      }
    }

    @Test func goesOnAfterHEAD() async throws {
      try await withServer { _ in
        response(length: nil) { try await $0.write(ByteBuffer(string: "text")) }
      } body: { server in
        let client = try await server.connect()
        try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try await client.response(isHead: true)
        if head["Connection"] == "close" { return }
        try await client.send(get)
        #expect(try await client.response().text == "text")
      }
    }

    @Test(arguments: [nil, 100] as [Int64?]) func aWriterThatThrowsBreaksTheConnection(length: Int64?)
      async throws
    {
      try await withServer { _ in
        response(length: length) { writer in
          try await writer.write(ByteBuffer(string: "start"))
          throw WriterFailed()
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send(get)
        await #expect(throws: ClientError.self) { try await client.response() }
        let outcome = try await server.handler.firstOutcome()
        #expect(!outcome.isComplete)
        #expect(outcome.bodyBytesSent == 5)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test(arguments: ["", "too short", "much too long for this"])
    func aWriterOfAnotherLengthBreaksTheConnection(text: String) async throws {
      try await withServer { _ in
        response(length: 15) { try await $0.write(ByteBuffer(string: text)) }
      } body: { server in
        let client = try await server.connect()
        try await client.send(get)
        _ = try await client.rest()
        #expect(try await server.handler.firstOutcome().isComplete == false)
      }
    }

    @Test func theWriterIsToldThatTheClientWentAway() async throws {
      let thrown = Recorder<Bool>()
      try await withServer { _ in
        response(length: nil) { writer in
          do {
            while true { try await writer.write(ByteBuffer(repeating: 0, count: 64 << 10)) }
          } catch {
            thrown.add(true)
            throw error
          }
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send(get)
        #expect(try await client.response(isHead: true).status == 200)
        client.abort()
        #expect(try await thrown.first() == true)
        #expect(try await server.handler.firstOutcome().isComplete == false)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    /// The writer is held up by a client that does not read, so nothing piles up in memory.
    @Test func waitsForTheClient() async throws {
      let pieces = Recorder<Int>()
      let count = 64
      try await withServer { _ in
        response(length: nil) { writer in
          for piece in 1...count {
            try await writer.write(ByteBuffer(repeating: 0, count: 1 << 20))
            pieces.add(piece)
          }
        }
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 8192)
        try await client.send(get)
        var before = -1
        // Until the writer has not come further for a while.
        while before != pieces.all.count {
          before = pieces.all.count
          try await Task.sleep(for: .milliseconds(300))
        }
        #expect(pieces.all.count < count)
        #expect(try await client.response().body.count == count << 20)
        #expect(try await server.handler.firstOutcome().isComplete)
      }
    }
  }
}
