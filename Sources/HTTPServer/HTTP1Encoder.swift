import NIOCore
import NIOHTTP1

/// Writes HTTP/1.1 response heads as bytes (RFC 9112, sections 4 and 5).
///
/// NIO's own encoder looks through the headers for how to frame the body and writes head, body and end apart. Here
/// the framing is known, and a small response goes out as one buffer.
enum HTTP1Encoder {
  static func write(_ head: HTTPResponseHead, to buffer: inout ByteBuffer) {
    let version = head.version == .http1_0 ? "HTTP/1.0 " : "HTTP/1.1 "
    let code = String(head.status.code)
    let reason = head.status.reasonPhrase
    var size = version.utf8.count + code.utf8.count + 1 + reason.utf8.count + 4
    for (name, value) in head.headers { size += name.utf8.count + value.utf8.count + 4 }
    // All in one go: asking the buffer for room at every piece costs more than the bytes.
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
      var position = 0
      func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
          UnsafeMutableRawBufferPointer(rebasing: target[position...])
            .copyMemory(from: UnsafeRawBufferPointer(bytes))
          position += bytes.count
        }
      }
      put(version)
      put(code)
      put(" ")
      put(reason)
      put("\r\n")
      for (name, value) in head.headers {
        put(name)
        put(": ")
        let start = position
        put(value)
        // Control characters would end the header and start another: they become spaces.
        for index in start..<position where target[index] < 0x20 || target[index] == 0x7f {
          target[index] = UInt8(ascii: " ")
        }
        put("\r\n")
      }
      put("\r\n")
      return position
    }
  }

  /// One chunk of a body of unknown length (RFC 9112, section 7.1).
  static func chunk(_ bytes: ByteBuffer) -> ByteBuffer {
    var chunk = ByteBuffer()
    chunk.reserveCapacity(bytes.readableBytes + 20)
    chunk.writeString(String(bytes.readableBytes, radix: 16))
    chunk.writeStaticString("\r\n")
    chunk.writeImmutableBuffer(bytes)
    chunk.writeStaticString("\r\n")
    return chunk
  }

  static let lastChunk = ByteBuffer(staticString: "0\r\n\r\n")
}
