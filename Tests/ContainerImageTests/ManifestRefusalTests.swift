import ContainerImage
import Testing

/// Manifests that are not accepted, and that the message says why.
@Suite struct ManifestRefusalTests {
  struct Refused: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var json: String
    var contentType: MediaType? = .ociImageManifest
    /// Part of the message.
    var reason: String
  }

  static let refused: [Refused] = [
    Refused(
      testDescription: "an index that is an image too",
      json: Sample.index(more: #","layers":[\#(Sample.descriptor(Sample.layer, "b"))]"#),
      contentType: .ociImageIndex, reason: "ambiguous"),
    Refused(
      testDescription: "an index with a config",
      json: Sample.index(mediaType: nil, more: #","config":\#(Sample.descriptor(Sample.config, "a"))"#),
      contentType: .dockerManifestList, reason: "ambiguous"),
    Refused(
      testDescription: "an image that is an index too", json: Sample.image(more: #","manifests":[]"#),
      reason: "ambiguous"),
    Refused(
      testDescription: "both kinds, without any type",
      json: Sample.image(mediaType: nil, more: #","manifests":[]"#), contentType: nil, reason: "ambiguous"),
    Refused(
      testDescription: "layers twice", json: Sample.image(more: #","layers":[]"#), reason: "\"layers\" twice"),
    Refused(
      testDescription: "layers twice, once escaped", json: Sample.image(more: #","\u006cayers":[]"#),
      reason: "\"layers\" twice"),
    Refused(
      testDescription: "layers twice, in another case", json: Sample.image(more: #","Layers":[]"#),
      reason: "\"Layers\" differs in case"),
    Refused(
      testDescription: "a comma too many", json: #"{"schemaVersion":2,}"#, reason: "not valid JSON"),
    Refused(
      testDescription: "an index sent as an image", json: Sample.index(),
      reason: "differs from its Content-Type"),
    Refused(
      testDescription: "an OCI image sent as Docker's", json: Sample.image(), contentType: .dockerManifest,
      reason: "differs from its Content-Type"),
    Refused(
      testDescription: "an image's shape under an index's type", json: Sample.image(mediaType: nil),
      contentType: .ociImageIndex, reason: "has no \"manifests\""),
    Refused(
      testDescription: "an index's shape under an image's type", json: Sample.index(mediaType: nil),
      reason: "has no \"config\""),
    Refused(
      testDescription: "Docker schema 1 by its header",
      json: #"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#,
      contentType: .dockerSchema1Signed, reason: "schema 1"),
    Refused(
      testDescription: "Docker schema 1 by its content",
      json: #"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#, contentType: nil,
      reason: "schema 1"),
    Refused(
      testDescription: "schema version 1 under a type of version 2",
      json: #"{"schemaVersion":1,"config":\#(Sample.descriptor(Sample.config, "a")),"layers":[]}"#,
      reason: "schemaVersion must be 2"),
    Refused(
      testDescription: "no schema version", json: #"{"manifests":[]}"#, contentType: .ociImageIndex,
      reason: "schemaVersion must be 2"),
    Refused(
      testDescription: "no layers",
      json: #"{"schemaVersion":2,"config":\#(Sample.descriptor(Sample.config, "a"))}"#,
      reason: "has no \"layers\""),
    Refused(
      testDescription: "a type that is none of a manifest", json: "{}",
      contentType: MediaType("application/octet-stream"), reason: "application/octet-stream"),
    Refused(
      testDescription: "nothing that tells the type", json: #"{"schemaVersion":2}"#, contentType: nil,
      reason: "no mediaType"),
    Refused(
      testDescription: "a negative size",
      json: Sample.image(layers: [Sample.descriptor(Sample.layer, "b", size: "-1")]),
      reason: "layers.[0].size"),
    Refused(
      testDescription: "a size beyond 63 bits",
      json: Sample.image(layers: [Sample.descriptor(Sample.layer, "b", size: "9223372036854775808")]),
      reason: "not valid"),
    Refused(
      testDescription: "a fraction for a size",
      json: Sample.image(layers: [Sample.descriptor(Sample.layer, "b", size: "1.5")]),
      reason: "not valid"),
    Refused(
      testDescription: "text for a size",
      json: Sample.image(layers: [Sample.descriptor(Sample.layer, "b", size: "\"7\"")]), reason: "size"),
    Refused(
      testDescription: "a descriptor without a size",
      json: Sample.image(layers: [#"{"digest":"\#(Sample.digest("b"))"}"#]), reason: "layers.[0].size"),
    Refused(
      testDescription: "a descriptor without a digest", json: Sample.image(layers: [#"{"size":1}"#]),
      reason: "layers.[0].digest"),
    Refused(
      testDescription: "an upper-case digest",
      json: Sample.image(layers: [Sample.descriptor(Sample.layer, "B")]), reason: "lower-case hexadecimal"),
    Refused(
      testDescription: "a digest of an unknown algorithm",
      json: Sample.image(layers: [#"{"mediaType":"x/y","digest":"md5:abcd","size":1}"#]),
      reason: "\"md5\" is not supported"),
    Refused(
      testDescription: "a subject that is no descriptor", json: Sample.image(more: #","subject":"v1""#),
      reason: "subject"),
    Refused(
      testDescription: "an annotation that is no text", json: Sample.image(more: #","annotations":{"a":1}"#),
      reason: "annotations.a"),
    Refused(testDescription: "an array", json: "[]", reason: "not a JSON object"),
    Refused(testDescription: "a number", json: "1", reason: "not a JSON object"),
    Refused(testDescription: "null", json: "null", reason: "JSON"),
    Refused(testDescription: "nothing", json: "", reason: "not valid JSON"),
    Refused(testDescription: "JSON that breaks off", json: "{\"schemaVersion\":2,", reason: "not valid JSON"),
    Refused(
      testDescription: "something behind the JSON", json: Sample.image() + "{}", reason: "not valid JSON"),
    Refused(testDescription: "a comment", json: "/**/" + Sample.image(), reason: "not valid JSON"),
    Refused(testDescription: "NUL bytes", json: "\0\0\0\0", reason: "not valid JSON"),
  ]

  @Test(arguments: refused)
  func aManifestIsRefusedWithTheReason(_ expected: Refused) throws {
    let error = #expect(throws: InvalidValue.self) {
      try Sample.parse(expected.json, as: expected.contentType)
    }
    let message = try #require(error).description
    #expect(message.contains(expected.reason), "\(message)")
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    let bytes = Array(#"{"schemaVersion":2,"mediaType":""#.utf8) + [0xff, 0xfe] + Array(#""}"#.utf8)
    #expect(throws: InvalidValue.self) { try Manifest(parsing: bytes, contentType: .ociImageManifest) }
  }

  /// A parser that goes down a level per bracket must not be led to the end of its stack.
  @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
  func deeplyNestedDocumentsAreRefused(open: String, close: String) {
    let depth = 200_000
    let nested = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    #expect(throws: InvalidValue.self) { try Sample.parse(nested, as: .ociImageManifest) }
    #expect(throws: InvalidValue.self) {
      try Sample.parse(Sample.image(more: #","future":\#(nested)"#), as: .ociImageManifest)
    }
    #expect(throws: InvalidValue.self) {
      try Sample.parse(Sample.image(more: #","annotations":\#(nested)"#), as: .ociImageManifest)
    }
  }
}
