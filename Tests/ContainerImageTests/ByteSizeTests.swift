import ContainerImage
import Testing

@Suite struct ByteSizeTests {
  @Test(
    "sizes are read with their unit and written in the largest one",
    arguments: [
      ("0", 0, "0B"), ("1023", 1023, "1023B"), ("1024", 1024, "1KiB"), ("4MiB", 4 << 20, "4MiB"),
      ("100GiB", 100 << 30, "100GiB"), ("3TiB", 3 << 40, "3TiB"), ("2MB", 2_000_000, "2MB"),
      ("5kB", 5000, "5kB"), ("7B", 7, "7B"), ("1536KiB", 1536 << 10, "1536KiB"),
    ])
  func sizes(text: String, bytes: Int64, written: String) throws {
    let size = try #require(ByteSize(parsing: text))
    #expect(size.bytes == bytes)
    #expect(size.description == written)
    #expect(ByteSize(parsing: written) == size)
  }

  @Test(
    "what is no size is none",
    arguments: ["", "B", "GiB", "1 GiB", "1.5GiB", "1gib", "0x10", "9223372036854775808", "8388608TiB"])
  func others(text: String) {
    #expect(ByteSize(parsing: text) == nil)
  }
}
