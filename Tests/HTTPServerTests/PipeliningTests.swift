import HTTPServer
import NIOCore
import Synchronization
import Testing

extension ServerTests {
  /// Many requests on their way at once, on one HTTP/1.1 connection.
  @Suite struct PipeliningTests {
    private func requests(_ numbers: ClosedRange<Int>) -> String {
      numbers.map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
    }

    private func expectThousandsInOrder(_ server: TestServer) async throws {
      let client = try await server.connect()
      async let sent: Void = client.send(requests(1...2000))
      for number in 1...2000 {
        let text = try await client.response().text
        guard text == "/\(number)" else {
          Issue.record("\(text) came as number \(number)")
          return
        }
      }
      try await sent
    }

    /// Answered at once: a recursion from one request into the next would overflow the stack.
    @Test func answersThousandsInOrder() async throws {
      try await withServer { request in
        .response(.text(request.path))
      } body: { server in
        try await expectThousandsInOrder(server)
      }
    }

    /// The same with answers from tasks: each ends on the event loop long after the next request has come.
    @Test func answersThousandsOfDeferredOnesInOrder() async throws {
      try await withServer { request in
        .deferred {
          await Task.yield()
          return .text(request.path)
        }
      } body: { server in
        try await expectThousandsInOrder(server)
      }
    }

    @Test func servesOneRequestAtATime() async throws {
      let gate = Gate()
      let seen = Recorder<String>()
      try await withServer { request in
        seen.add(request.path)
        return .deferred {
          await gate.wait()
          return .text(request.path)
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send(requests(1...3))
        try await eventually("the handler has the first") { gate.waitingCount == 1 }
        #expect(seen.all == ["/1"])
        gate.open()
        for number in 1...3 { #expect(try await client.response().text == "/\(number)") }
        #expect(seen.all == ["/1", "/2", "/3"])
      }
    }

    @Test func keepsBodiesApart() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
            + "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
            + "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthree"
            + "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        for text in ["one", "two", "no", "hello"] { #expect(try await client.response().text == text) }
      }
    }

    @Test func answersEverythingBeforeNonsense() async throws {
      try await withServer { server in
        let client = try await server.connect()
        try await client.send(
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
            + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo\u{1}nonsense\r\n\r\n")
        #expect(try await client.response().text == "one")
        #expect(try await client.response().text == "two")
        let refusal = try await client.response()
        #expect(refusal.status == 400)
        #expect(refusal["Connection"] == "close")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func answersEverythingToAClientThatHasFinishedSending() async throws {
      try await withServer { request in
        .deferred { .text(request.path) }
      } body: { server in
        let client = try await server.connect()
        try await client.send(requests(1...20))
        client.finishSending()
        for number in 1...20 { #expect(try await client.response().text == "/\(number)") }
        #expect(try await client.rest().isEmpty)
      }
    }

    /// The second body can never end, which is known as soon as the first request is answered.
    @Test func breaksAPipelinedBodyThatWasCutOff() async throws {
      let gate = Gate()
      let failure = Recorder<RequestBodyError>()
      try await withServer { request in
        .deferred {
          if request.path == "/1" { await gate.wait() }
          do { while try await request.body.next() != nil {} } catch {
            if let error = error as? RequestBodyError { failure.add(error) }
          }
          return .text(request.path)
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send(
          "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfour")
        client.finishSending()
        try await eventually("the handler has the first") { gate.waitingCount == 1 }
        gate.open()
        #expect(try await client.response().text == "/1")
        #expect(try await failure.first() == .disconnected)
        #expect(try await client.response().text == "/2")
        #expect(try await client.rest().isEmpty)
      }
    }
  }
}
