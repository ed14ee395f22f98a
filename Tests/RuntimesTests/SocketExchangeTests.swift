import Foundation
import LocalPrograms
import Testing

/// HTTP over Unix sockets (RFC 9112).
@Suite struct SocketExchangeTests {
  private func ask(_ answer: String) async throws -> (status: Int, text: String) {
    try await withDirectory { directory in
      var result = (status: 0, text: "")
      try withSocket(directory, [.init(answer)]) { socket in
        let exchange = SocketExchange(try UnixSocket(connectedTo: socket.path))
        try exchange.send("GET", "/")
        result.status = try exchange.answer().status
        result.text = try exchange.text(atMost: 1000)
      }
      return result
    }
  }

  @Test(
    "an answer's end is where its length, its chunks or the connection say",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nAfter: all\r\n\r\nmore",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello",
      "HTTP/1.0 200 OK\r\n\r\nhello",
    ])
  func framing(answer: String) async throws {
    let result = try await ask(answer)
    #expect(result.status == 200 && result.text == "hello")
  }

  @Test(
    "an answer that ends too early is no answer",
    arguments: [
      "", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ])
  func brokenOff(answer: String) async {
    await #expect(throws: LocalProgramError.brokenOff) { try await ask(answer) }
  }

  @Test(
    "what is no HTTP is refused",
    arguments: [
      "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 none\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    ])
  func notHTTP(answer: String) async {
    await #expect(throws: LocalProgramError.notHTTP) { try await ask(answer) }
  }

  @Test("a head without end is refused", arguments: ["Long: ", "Many: x\r\n"])
  func longHead(field: String) async {
    let fields = field + String(repeating: field.hasSuffix("\n") ? field : "x", count: 70_000)
    await #expect(throws: LocalProgramError.notHTTP) { try await ask("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n") }
  }

  @Test("a socket's path that is too long, or that nobody listens at, is told")
  func unreachable() {
    let long = "/" + String(repeating: "x", count: 200)
    #expect(throws: LocalProgramError.pathTooLong) { try UnixSocket(connectedTo: long) }
    #expect(throws: LocalProgramError.system(code: ENOENT)) { try UnixSocket(connectedTo: "/none/such") }
  }
}
