import NIOCore
import Testing

@testable import HTTPServer

extension ServerTests {
  /// The name of a request, which goes into logs.
  @Suite struct RequestIDTests {
    private func requestID(_ header: String) async throws -> String {
      var id = ""
      try await withServer { server in
        let response = try await server.answer(to: "GET /fixed HTTP/1.1\r\nHost: a\r\n\(header)\r\n")
        id = try #require(response["X-Request-Id"])
        try await eventually("the request ended") { !server.handler.finished.isEmpty }
        #expect(server.handler.finished[0].id == id)
      }
      return id
    }

    @Test(arguments: [
      "a", "0af7651916cd43dd8448eb211c80319c", "A-b_c.d:9", String(repeating: "x", count: 128),
    ])
    func echoesASaneOne(id: String) async throws {
      #expect(try await requestID("X-Request-Id: \(id)\r\n") == id)
    }

    @Test(arguments: [
      "", "a b", "a\"b", "a,b", "a\tb", "é", "<a>", "a=b", String(repeating: "x", count: 129),
    ])
    func makesOneInsteadOfAnother(id: String) async throws {
      let made = try await requestID("X-Request-Id: \(id)\r\n")
      #expect(made != id)
      #expect(!made.isEmpty)
    }

    @Test func makesOneIfThereIsNone() async throws {
      #expect(try await requestID("") != requestID(""))
    }

    @Test func makesADifferentOneEachTime() {
      let ids = (1...1000).map { _ in RequestID.make(proposed: nil) }
      #expect(Set(ids).count == 1000)
      #expect(RequestID.make(proposed: ids[0]) == ids[0])
    }
  }
}
