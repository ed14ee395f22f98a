import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

extension ServerTests {
  /// A file that is an answer is closed, whatever becomes of the answer.
  @Suite struct FileDescriptorTests {
    private let file: TestFile

    init() throws { file = try TestFile(sparse: 64 << 20) }

    @Test func theLastPartCloses() throws {
      var whole: FileBody? = file.body()
      var part = whole?.part(1..<2)
      let other = part
      #expect(file.openDescriptors == 1)
      whole = nil
      part = nil
      #expect(file.openDescriptors == 1)
      withExtendedLifetime(other) {}
    }

    @Test func closesAfterTheClientWentAway() async throws {
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(file.body())))
      } body: { server in
        for abort in [false, true] {
          let client = try await Client(to: server.address, receiveBuffer: 8192)
          try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(try await client.response(isHead: true).status == 200)
          #expect(file.openDescriptors == 1)
          if abort { client.abort() } else { client.close() }
          try await file.isClosedEverywhere()
        }
        try await eventually("both requests ended") { server.handler.finished.count == 2 }
        #expect(server.handler.finished.allSatisfy { !$0.outcome.isComplete })
        try await eventually("the connections were let go") { server.server.openConnections == 0 }
      }
    }

    /// The answer comes when nobody is there any more to take it.
    @Test func closesWhatNobodyWaitsFor() async throws {
      let gate = Gate()
      try await withServer { _ in
        .deferred {
          await gate.wait()
          return HTTPResponse(status: .ok, body: .file(file.body()))
        }
      } body: { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the handler has the request") { gate.waitingCount == 1 }
        client.abort()
        try await eventually("the connection was let go") { server.server.openConnections == 0 }
        gate.open()
        #expect(try await server.handler.firstOutcome().isComplete == false)
        try await file.isClosedEverywhere()
      }
    }

    @Test(arguments: ["HEAD", "GET"]) func closesWhenTheResponseHasNoBody(method: String) async throws {
      try await withServer { _ in
        .response(HTTPResponse(status: method == "HEAD" ? .ok : .noContent, body: .file(file.body())))
      } body: { server in
        let client = try await server.connect()
        try await client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try await client.response(isHead: true)
        try await file.isClosedEverywhere()
        #expect(server.server.openConnections == 1)
      }
    }

    /// The connection lingers for the rest of the body, the file need not.
    @Test func closesWhenTheClientNeverSendsItsBody() async throws {
      let small = try TestFile("small")
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(small.body())))
      } body: { server in
        for length in [100, 64 << 20] {
          let client = try await server.connect()
          try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\nhalf")
          #expect(try await client.response().text == "small")
          client.abort()
          try await small.isClosedEverywhere()
        }
      }
    }

    @Test func closesAtShutdown() async throws {
      try await withServer { _ in
        .response(HTTPResponse(status: .ok, body: .file(file.body())))
      } configure: {
        $0.shutdownTimeout = .milliseconds(100)
      } body: { server in
        let client = try await Client(to: server.address, receiveBuffer: 8192)
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.response(isHead: true).status == 200)
        await server.server.shutdown()
        try await file.isClosedEverywhere()
      }
    }

    /// A file that ends before the response does: the client must see that something is missing.
    @Test func breaksWhenTheFileIsTooShort() async throws {
      let short = try TestFile("short")
      try await withServer { _ in
        .response(
          HTTPResponse(
            status: .ok,
            body: .file(FileBody(owning: open(short.path, O_RDONLY | O_CLOEXEC), offset: 0, length: 100))))
      } configure: {
        $0.writeTimeout = .milliseconds(300)
      } body: { server in
        let client = try await server.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = String(decoding: try await client.rest(), as: UTF8.self)
        #expect(text.contains("Content-Length: 100\r\n") && text.hasSuffix("short"))
        #expect(try await server.handler.firstOutcome().isComplete == false)
        try await short.isClosedEverywhere()
      }
    }
  }
}
