import HTTPServer
import NIOCore
import NIOHTTP1
import Testing

extension ServerTests {
  /// The end of a server.
  @Suite struct ShutdownTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func letsRunningRequestsEndAndClosesTheOthers() async throws {
      let gate = Gate()
      try await withServer { request in
        guard request.path == "/slow" else { return standardRoutes(request) }
        return .deferred {
          await gate.wait()
          return .text("late")
        }
      } configure: {
        $0.shutdownTimeout = .seconds(60)
      } body: { server in
        let fresh = try await server.connect()
        let idle = try await server.connect()
        try await idle.send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await idle.response().text == "hello")
        let running = try await server.connect()
        try await running.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the handler has the request") { gate.waitingCount == 1 }

        let shutdown = Task { await server.server.shutdown() }
        #expect(try await idle.rest().isEmpty)
        #expect(try await fresh.rest().isEmpty)
        try await eventually("the idle ones are gone") { server.server.openConnections == 1 }
        try await eventually("nobody listens") {
          do {
            let client = try await server.connect()
            // Accepted by the kernel before it knew.
            client.close()
            return false
          } catch {
            return true
          }
        }
        gate.open()
        let response = try await running.response()
        #expect(response.text == "late")
        #expect(response["Connection"] == "close")
        #expect(try await running.rest().isEmpty)
        await shutdown.value
        #expect(server.server.openConnections == 0)
      }
    }

    @Test func letsATransferEnd() async throws {
      let length = 64 << 20
      let file = try TestFile(sparse: Int64(length))
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(file.body())))
      } configure: {
        $0.shutdownTimeout = .seconds(60)
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 64 << 10)
        try await client.send(get)
        try await client.skip(1000)
        let shutdown = Task { await server.server.shutdown() }
        try await eventually("nobody listens") { (try? await server.connect()) == nil }
        #expect(try await client.rest().count > length - 1000)
        await shutdown.value
        #expect(try await server.handler.firstOutcome().isComplete)
      }
    }

    @Test func letsAnUploadEnd() async throws {
      try await withServer(configure: { $0.shutdownTimeout = .seconds(60) }) { server in
        let client = try await server.connect()
        try await client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf")
        try await eventually("the connection was accepted") { server.server.openConnections == 1 }
        // The handler has asked for the body when it gets the first half.
        try await Task.sleep(for: .milliseconds(50))
        let shutdown = Task { await server.server.shutdown() }
        try await eventually("nobody listens") { (try? await server.connect()) == nil }
        try await client.send("half")
        let response = try await client.response()
        #expect(response.text == "halfhalf")
        #expect(response["Connection"] == "close")
        await shutdown.value
      }
    }

    @Test func doesNotWaitForEver() async throws {
      let gate = Gate()
      try await withServer { _ in
        .deferred {
          await gate.wait()
          return .text("too late")
        }
      } configure: {
        $0.shutdownTimeout = .milliseconds(200)
      } body: { server in
        let client = try await server.connect()
        try await client.send(get)
        try await eventually("the handler has the request") { gate.waitingCount == 1 }
        await server.server.shutdown()
        #expect(try await client.rest().isEmpty)
        #expect(server.server.openConnections == 0)
        gate.open()
      }
    }

    @Test func mayBeAskedForAgain() async throws {
      try await withServer { server in
        await server.server.shutdown()
        await server.server.shutdown()
      }
    }
  }
}
