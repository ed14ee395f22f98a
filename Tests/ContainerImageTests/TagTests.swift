import ContainerImage
import Testing

@Suite struct TagTests {
  @Test(arguments: [
    "latest", "v1.0", "1", "_", "A", "_.-", "3.20-alpine_edge", String(repeating: "x", count: 128),
  ])
  func aTagOfTheSpecificationIsKept(text: String) throws {
    #expect(try Tag(parsing: text).description == text)
    #expect(try ManifestReference(parsing: text) == .tag(Tag(parsing: text)))
  }

  @Test(arguments: [
    "", ".", "..", ".a", "-a", "a/b", "a b", "a+b", "a%2eb", "a@b", "é", "a\0", "a\n", "../a",
    String(repeating: "x", count: 129),
  ])
  func anyOtherTagIsRefused(text: String) {
    #expect(throws: InvalidValue.self) { try Tag(parsing: text) }
    #expect(throws: InvalidValue.self) { try ManifestReference(parsing: text) }
  }

  @Test func aReferenceWithAColonIsADigestOrNothing() throws {
    let digest = try Digest(parsing: DigestTests.sha256OfNothing)
    #expect(try ManifestReference(parsing: DigestTests.sha256OfNothing) == .digest(digest))
    #expect(ManifestReference.digest(digest).description == DigestTests.sha256OfNothing)
    // Not a tag named "sha256:abc", nor one named "v1" with something behind it.
    #expect(throws: InvalidValue.self) { try ManifestReference(parsing: "sha256:abc") }
    #expect(throws: InvalidValue.self) { try ManifestReference(parsing: "v1:latest") }
  }

  /// distribution-spec, "Referrers Tag Schema": the encoded part is cut to 64 characters.
  @Test(arguments: [DigestTests.sha256OfNothing, DigestTests.sha512])
  func theReferrersTagOfADigestIsAValidTag(text: String) throws {
    let digest = try Digest(parsing: text)
    let tag = Tag(listingReferrersOf: digest)
    #expect(tag.description == "\(digest.algorithm.rawValue)-\(digest.encoded.prefix(64))")
    #expect(try Tag(parsing: tag.description) == tag)
  }

  @Test func tagsAreOrderedByTheirBytes() throws {
    let sorted = ["1", "10", "2", "A", "Z", "_", "a", "a-1", "a.1", "a1"]
    let tags = try sorted.reversed().map { try Tag(parsing: $0) }
    #expect(tags.sorted().map(\.description) == sorted)
  }
}
