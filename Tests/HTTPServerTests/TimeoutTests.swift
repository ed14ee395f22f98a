import HTTPServer
import NIOCore
import Testing

extension ServerTests {
  /// Clients that wait too long. The tests wait for the end of the connection, however long that takes.
  @Suite struct TimeoutTests {
    @Test func closesAConnectionThatSendsNothing() async throws {
      try await withServer(configure: { $0.headerTimeout = .milliseconds(200) }) { server in
        let client = try await server.connect()
        #expect(try await client.rest().isEmpty)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    /// One byte now and then does not buy time.
    @Test func closesAConnectionWhoseHeadersDoNotEnd() async throws {
      try await withServer(configure: { $0.headerTimeout = .milliseconds(300) }) { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.1\r\n")
        let drip = Task {
          while !Task.isCancelled {
            do { try await client.send("X: y\r\n") } catch { break }
            try await Task.sleep(for: .milliseconds(20))
          }
        }
        defer { drip.cancel() }
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test func closesAnIdleConnection() async throws {
      try await withServer(configure: { $0.idleTimeout = .milliseconds(200) }) { server in
        let client = try await server.connect()
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.response().text == "hello")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func closesAnIdleConnectionWithHalfARequest() async throws {
      try await withServer(configure: { $0.idleTimeout = .milliseconds(200) }) { server in
        let client = try await server.connect()
        try await client.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\nGET /fixed HT")
        #expect(try await client.response().text == "hello")
        #expect(try await client.rest().isEmpty)
      }
    }

    /// A handler may take its time, whatever the clients' times are.
    @Test func waitsForTheHandler() async throws {
      try await withServer { _ in
        .deferred {
          try? await Task.sleep(for: .seconds(1))
          return .text("late")
        }
      } configure: {
        $0.idleTimeout = .milliseconds(100)
        $0.bodyTimeout = .milliseconds(100)
        $0.writeTimeout = .milliseconds(100)
      } body: { server in
        let response = try await server.answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.text == "late")
      }
    }

    @Test func closesAConnectionThatDoesNotTakeItsFile() async throws {
      let file = try TestFile(sparse: 256 << 20)
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(file.body())))
      } configure: {
        $0.writeTimeout = .milliseconds(300)
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 8192)
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let outcome = try await server.handler.firstOutcome()
        #expect(!outcome.isComplete)
        #expect(outcome.bodyBytesSent < 256 << 20)
        try await file.isClosedEverywhere()
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    @Test func closesAConnectionThatDoesNotTakeItsStream() async throws {
      let thrown = Recorder<Bool>()
      try await withServer { _ in
        .response(
          HTTPResponse(
            status: .ok,
            body: .stream(length: nil) { writer in
              do {
                while true { try await writer.write(ByteBuffer(repeating: 0, count: 1 << 20)) }
              } catch {
                thrown.add(true)
                throw error
              }
            }))
      } configure: {
        $0.writeTimeout = .milliseconds(300)
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 8192)
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await thrown.first() == true)
        #expect(try await server.handler.firstOutcome().isComplete == false)
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
      }
    }

    /// Every piece that is taken buys time.
    @Test func isPatientWithASlowReader() async throws {
      let length = 8 << 20
      let file = try TestFile(sparse: Int64(length))
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(file.body())))
      } configure: {
        $0.writeTimeout = .seconds(20)
        $0.idleTimeout = .milliseconds(100)
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 64 << 10)
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 1...16 {
          try await client.skip(length / 16)
          try await Task.sleep(for: .milliseconds(30))
        }
        #expect(try await server.handler.firstOutcome().isComplete)
      }
    }
  }
}
