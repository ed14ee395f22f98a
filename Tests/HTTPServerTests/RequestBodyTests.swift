import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

extension ServerTests {
  /// Bodies of requests, as their reader meets them.
  @Suite struct RequestBodyTests {
    @Test(arguments: [
      "0\r\n\r\n": "",
      "5\r\nhello\r\n0\r\n\r\n": "hello",
      "2;name=value\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n": "hello",
      "A\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n": "01234567890123456789",
    ])
    func readsChunks(chunks: String, body: String) async throws {
      try await withServer { server in
        let client = try await server.connect()
        for _ in 1...2 {
          try await client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
          let response = try await client.response()
          #expect(response.status == 200)
          #expect(response.text == body)
        }
      }
    }

    @Test func readsABodyThatComesByteForByte() async throws {
      try await withServer { server in
        let client = try await server.connect()
        for byte in "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" {
          try await client.send(String(byte))
        }
        #expect(try await client.response().text == "hello")
      }
    }

    @Test func limitsWhatIsCollected() async throws {
      let errors = Recorder<RequestBodyError>()
      try await withServer { request in
        .deferred {
          do {
            return .text("\(try await request.body.collect(upTo: 10).readableBytes)")
          } catch {
            if let error = error as? RequestBodyError { errors.add(error) }
            return .text("too large", status: .payloadTooLarge)
          }
        }
      } body: { server in
        let head = "POST / HTTP/1.1\r\nHost: a\r\n"
        let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
        let known = try await server.answer(to: head + "Content-Length: 10\r\n\r\n0123456789")
        #expect(known.text == "10")
        #expect(try await server.answer(to: chunked + "a\r\n0123456789\r\n0\r\n\r\n").text == "10")
        #expect(try await server.answer(to: head + "Content-Length: 11\r\n\r\n").status == 413)
        #expect(try await server.answer(to: chunked + "b\r\n01234567890\r\n").status == 413)
        #expect(errors.all == [.tooLarge, .tooLarge])
      }
    }

    /// The client can send no more than the kernel's buffers hold and the little that the server takes ahead.
    @Test func doesNotReadAheadOfAHandlerThatDoesNotRead() async throws {
      let gate = Gate()
      let bodies = Recorder<RequestBody>()
      try await withServer { request in
        bodies.add(request.body)
        return .deferred {
          await gate.wait()
          var count = 0
          while let piece = try? await request.body.next() { count += piece.readableBytes }
          return .text("\(count)")
        }
      } body: { server in
        let client = try await server.connect()
        let length = 64 << 20
        try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
        let sent = try await client.flood(upTo: length)
        #expect(sent < length)
        let body = try await bodies.first()
        // One read of the socket may go beyond the mark.
        #expect(body.received <= Int64(RequestBody.highWaterMark + (1 << 20)))
        #expect(body.received >= Int64(RequestBody.highWaterMark))
        gate.open()
        try await client.send([UInt8](repeating: 0, count: length - sent))
        #expect(try await client.response().text == "\(length)")
      }
    }

    @Test func tellsOfAClientThatWentAway() async throws {
      for abort in [false, true] {
        let errors = Recorder<RequestBodyError?>()
        try await withServer { request in
          .deferred {
            do {
              while try await request.body.next() != nil {}
              errors.add(nil)
            } catch {
              errors.add(error as? RequestBodyError)
            }
            return .text("late")
          }
        } body: { server in
          let client = try await server.connect()
          try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
          try await eventually("the connection was accepted") { server.server.openConnections == 1 }
          if abort { client.abort() } else { client.close() }
          #expect(try await errors.first() == .disconnected)
          #expect(try await server.handler.firstOutcome().bodyBytesReceived <= 4)
          try await eventually("the connection was let go") { server.server.openConnections == 0 }
        }
      }
    }

    @Test func tellsOfABodyThatIsNone() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "PUT /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n")
        let response = try await client.response()
        #expect(response.text == "disconnected")
        #expect(response["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func tellsOfAClientThatFallsSilent() async throws {
      try await withServer(configure: { $0.bodyTimeout = .milliseconds(200) }) { server in
        let client = try await server.connect()
        try await client.send("PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        let response = try await client.response()
        #expect(response.text == "timedOut")
        #expect(response["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
      }
    }

    /// The time-out is for the client, not for the handler.
    @Test func isPatientWithAHandlerThatDoesNotRead() async throws {
      try await withServer { request in
        .deferred {
          _ = try? await request.body.next()
          try? await Task.sleep(for: .milliseconds(600))
          return .text(((try? await request.body.next()) ?? nil) == nil ? "nothing" : "the rest")
        }
      } configure: {
        $0.bodyTimeout = .milliseconds(100)
      } body: { server in
        let client = try await server.connect()
        try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        try await eventually("the first half has come") { server.server.openConnections == 1 }
        try await Task.sleep(for: .milliseconds(50))
        try await client.send("fourth")
        #expect(try await client.response().text == "the rest")
      }
    }
  }
}
