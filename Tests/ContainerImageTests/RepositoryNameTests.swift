import ContainerImage
import Testing

@Suite struct RepositoryNameTests {
  @Test(arguments: [
    "a", "0", "alpine", "library/alpine", "a/b/c/d/e/f/g", "my.app", "my_app", "my__app", "my-app",
    "my---app", "a.b_c__d-e/f--g", "127.0.0.1/x", String(repeating: "a", count: 255),
    String(repeating: "a/", count: 127) + "a",
  ])
  func aNameOfTheSpecificationIsKept(text: String) throws {
    #expect(try RepositoryName(parsing: text).description == text)
  }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", "//",
    "Alpine", "library/Alpine", "é", "a b", "a\0b", "a\n", "a:b", "a@b", "a?b", "a\\b",
    ".a", "a.", "-a", "a-", "_a", "a_", "a/.b", "a/b-", "a..b", "a___b", "a._b", "a-_b", "a.-b", "a_.b",
    String(repeating: "a", count: 256), String(repeating: "a/", count: 128) + "a",
  ])
  func anyOtherNameIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try RepositoryName(parsing: text) }
  }

  /// Names are not used as paths, and would not lead anywhere if they were.
  @Test(arguments: [
    "..", ".", "../etc", "a/../b", "a/..", "a/./b", "./a", "/etc/passwd", "%2e%2e/etc", "a/%2e%2e/b", "a%2fb",
    "..%2fetc", "a\u{2215}b", "~root", "a/\u{ff0e}\u{ff0e}/b",
  ])
  func aNameThatWouldLeaveADirectoryIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try RepositoryName(parsing: text) }
  }

  @Test func theMessageForALongNameGivesTheLimit() {
    #expect(
      throws: InvalidValue.malformed("repository name of 300 bytes is too long: at most 255 are allowed")
    ) { try RepositoryName(parsing: String(repeating: "a", count: 300)) }
  }

  /// Lists are paged by the bytes of names, as the database sorts them.
  @Test func namesAreOrderedByTheirBytes() throws {
    let sorted = ["a", "a-b", "a.b", "a/b", "a0", "a_b", "aa", "b"]
    let names = try sorted.reversed().map { try RepositoryName(parsing: $0) }
    #expect(names.sorted().map(\.description) == sorted)
  }
}
