import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

@Suite struct HTTP1EncoderTests {
  private func text(_ head: HTTPResponseHead, after start: String = "") -> String {
    var buffer = ByteBuffer(string: start)
    HTTP1Encoder.write(head, to: &buffer)
    return String(buffer: buffer)
  }

  @Test func writesStatusLineAndHeadersInOrder() {
    let headers: HTTPHeaders = ["Content-Length": "2", "X-Name": "é, \"quoted\"", "X-Empty": ""]
    #expect(
      text(HTTPResponseHead(version: .http1_1, status: .notFound, headers: headers))
        == "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-Name: é, \"quoted\"\r\nX-Empty: \r\n\r\n")
    #expect(
      text(HTTPResponseHead(version: .http1_0, status: .ok), after: "before")
        == "beforeHTTP/1.0 200 OK\r\n\r\n")
  }

  @Test(arguments: ["a\r\nSet-Cookie: b", "a\nb", "a\u{0}b", "\u{1b}[31m", "a\u{7f}"])
  func aValueCannotStartAnotherHeader(value: String) {
    let written = text(HTTPResponseHead(version: .http1_1, status: .ok, headers: ["X-Value": value]))
    let lines = written.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4)
    #expect(lines[1].hasPrefix("X-Value: "))
    #expect(lines[1].utf8.count == "X-Value: ".utf8.count + value.utf8.count)
    #expect(lines[1].utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
  }

  @Test func framesChunks() {
    #expect(
      String(buffer: HTTP1Encoder.chunk(ByteBuffer(string: String(repeating: "x", count: 26)))).hasPrefix(
        "1a\r\nxxx"))
    #expect(String(buffer: HTTP1Encoder.lastChunk) == "0\r\n\r\n")
  }
}
