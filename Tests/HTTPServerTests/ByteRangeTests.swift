import Testing

@testable import HTTPServer

@Suite struct ByteRangeTests {
  @Test(
    arguments: [
      (nil, 10, ByteRange.whole),
      ("", 10, .whole),
      ("bytes", 10, .whole),
      ("bytes=", 10, .whole),
      ("bytes=-", 10, .whole),
      ("bytes=5", 10, .whole),
      ("bytes=a-5", 10, .whole),
      ("bytes=0-5-7", 10, .whole),
      ("bytes=0-1,2-3", 10, .whole),
      ("bytes=+0-1", 10, .whole),
      ("pages=0-1", 10, .whole),
      ("bytes=0-0", 10, .part(0..<1)),
      ("bytes=0-", 10, .part(0..<10)),
      ("bytes=0-9", 10, .part(0..<10)),
      ("bytes=0-10", 10, .part(0..<10)),
      ("bytes=9-", 10, .part(9..<10)),
      ("BYTES=3-4", 10, .part(3..<5)),
      ("bytes= 3-4 ", 10, .part(3..<5)),
      ("bytes=-1", 10, .part(9..<10)),
      ("bytes=-10", 10, .part(0..<10)),
      ("bytes=-11", 10, .part(0..<10)),
      ("bytes=-99999999999999999999", 10, .part(0..<10)),
      ("bytes=0-99999999999999999999", 10, .part(0..<10)),
      ("bytes=0-9223372036854775807", 10, .part(0..<10)),
      ("bytes=0-", .max, .part(0..<(.max))),
      ("bytes=-0", 10, .unsatisfiable),
      ("bytes=10-", 10, .unsatisfiable),
      ("bytes=10-11", 10, .unsatisfiable),
      ("bytes=5-4", 10, .unsatisfiable),
      ("bytes=99999999999999999999-", 10, .unsatisfiable),
      ("bytes=0-", 0, .unsatisfiable),
      ("bytes=-1", 0, .unsatisfiable),
    ] as [(String?, Int64, ByteRange)])
  func parses(header: String?, length: Int64, range: ByteRange) {
    #expect(ByteRange(header, length: length) == range)
  }
}
