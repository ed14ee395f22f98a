import NIOCore

/// Writes a JSON document straight into a buffer: lists of many thousand entries cost one pass and no values
/// in between.
struct JSONText {
  private(set) var buffer = ByteBuffer()
  private var needsComma = false

  mutating func object(_ members: (inout JSONText) -> Void) {
    open("{")
    members(&self)
    close("}")
  }

  mutating func array<Elements: Sequence>(
    _ elements: Elements, _ element: (inout JSONText, Elements.Element) -> Void
  ) {
    open("[")
    for each in elements { element(&self, each) }
    close("]")
  }

  mutating func key(_ key: String) {
    string(key)
    buffer.writeStaticString(":")
    needsComma = false
  }

  mutating func member(_ key: String, _ value: String) {
    self.key(key)
    string(value)
  }

  mutating func member(_ key: String, _ value: Int64) {
    self.key(key)
    integer(value)
  }

  mutating func integer(_ value: Int64) {
    separate()
    buffer.writeString(String(value))
  }

  mutating func boolean(_ value: Bool) {
    separate()
    buffer.writeString(value ? "true" : "false")
  }

  mutating func string(_ value: String) {
    separate()
    buffer.writeStaticString("\"")
    if value.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
      for byte in value.utf8 {
        switch byte {
        case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
        case UInt8(ascii: "\n"): buffer.writeStaticString("\\n")
        case 0..<0x20: buffer.writeString("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
        default: buffer.writeInteger(byte)
        }
      }
    } else {
      buffer.writeString(value)
    }
    buffer.writeStaticString("\"")
  }

  private mutating func open(_ bracket: StaticString) {
    separate()
    buffer.writeStaticString(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: StaticString) {
    buffer.writeStaticString(bracket)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { buffer.writeStaticString(",") }
    needsComma = true
  }
}
