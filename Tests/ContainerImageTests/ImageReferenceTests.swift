import ContainerImage
import Testing

@Suite("image references")
struct ImageReferenceTests {
  private static let hex = String(repeating: "0123456789abcdef", count: 4)

  @Test(arguments: [
    ("busybox", "docker.io/library/busybox"), ("busybox:v1", "docker.io/library/busybox:v1"),
    ("user/app", "docker.io/user/app"), ("docker.io/busybox", "docker.io/library/busybox"),
    ("index.docker.io/a/b", "docker.io/a/b"), ("localhost/a", "localhost/a"),
    ("localhost:5000/a", "localhost:5000/a"), ("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1"),
    ("registry.example/a@sha256:\(hex)", "registry.example/a@sha256:\(hex)"),
    ("registry.example/a:v1@sha256:\(hex)", "registry.example/a:v1@sha256:\(hex)"),
    ("[::1]:5000/a", "[::1]:5000/a"), ("Registry/a", "Registry/a"),
  ])
  func isReadAsDockerReadsIt(text: String, whole: String) throws {
    #expect("\(try ImageReference(parsing: text))" == whole)
  }

  @Test(arguments: [
    "", "A", "a:", "a:-v1", "a@", "a@sha256:1", "http://a/b", "a b", "a//b", "localhost:0/a",
    "localhost:70000/a",
    "-a.example/b", "[::1/a", "[x]:1/a", "registry.example/", "a:b:c", "a@sha256:\(hex)@sha256:\(hex)",
  ])
  func whatIsNoneIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try ImageReference(parsing: text) }
  }

  @Test func withoutATagAndADigestItMeansLatest() throws {
    #expect(try ImageReference(parsing: "a/b").manifest == .tag(.latest))
    #expect(try ImageReference(parsing: "a/b:v1").manifest == .tag(Tag(parsing: "v1")))
    let digest = try Digest(parsing: "sha256:\(Self.hex)")
    #expect(try ImageReference(parsing: "a/b:v1@\(digest)").manifest == .digest(digest))
  }
}

@Suite("platforms")
struct PlatformTests {
  @Test(arguments: [
    ("linux/amd64", "linux/amd64"), ("linux/x86_64", "linux/amd64"), ("linux/aarch64", "linux/arm64"),
    ("linux/arm64/v8", "linux/arm64"), ("linux/arm/v7", "linux/arm/v7"), ("linux/armhf", "linux/arm/v7"),
    ("windows/amd64", "windows/amd64"),
  ])
  func isReadWithItsOtherNames(text: String, normal: String) throws {
    #expect("\(try Platform(parsing: text))" == normal)
  }

  @Test(arguments: ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux//v7"])
  func whatIsNoneIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try Platform(parsing: text) }
  }

  @Test func theClosestVariantThatRunsIsBest() throws {
    let wanted = try Platform(parsing: "linux/arm/v7")
    func rank(_ text: String) throws -> Int? { try Platform(parsing: text).rank(for: wanted) }
    #expect(try rank("linux/arm/v7") == 0)
    #expect(try rank("linux/arm/v6") == 1)
    #expect(try rank("linux/arm/v5") == 2)
    #expect(try rank("linux/arm").map { $0 > 2 } == true)
    #expect(try rank("linux/arm/v8") == nil)
    #expect(try rank("linux/arm64") == nil)
    #expect(try rank("windows/arm/v7") == nil)
    #expect(try Platform(parsing: "linux/amd64/v3").runs(on: Platform(parsing: "linux/amd64/v2")) == false)
    #expect(try Platform(parsing: "linux/amd64").runs(on: Platform(parsing: "linux/amd64/v2")))
  }
}
