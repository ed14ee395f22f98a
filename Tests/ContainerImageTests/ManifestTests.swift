import ContainerImage
import Testing

/// What is read from manifests that are accepted.
@Suite struct ManifestTests {
  struct Accepted: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var json: String
    var contentType: MediaType?
    var kind: Manifest.Kind
    var mediaType: MediaType
    /// Last digits of the digests, in order.
    var blobs = ""
    var manifests = ""
    var artifactType: String?
  }

  static let accepted: [Accepted] = [
    Accepted(
      testDescription: "an OCI image", json: Sample.image(), contentType: .ociImageManifest, kind: .image,
      mediaType: .ociImageManifest, blobs: "ab", artifactType: Sample.config),
    Accepted(
      testDescription: "an OCI image whose type only the header names", json: Sample.image(mediaType: nil),
      contentType: .ociImageManifest, kind: .image, mediaType: .ociImageManifest, blobs: "ab",
      artifactType: Sample.config),
    Accepted(
      testDescription: "an OCI image whose type only the document names", json: Sample.image(),
      contentType: nil, kind: .image, mediaType: .ociImageManifest, blobs: "ab", artifactType: Sample.config),
    Accepted(
      testDescription: "an OCI image known by its shape alone", json: Sample.image(mediaType: nil),
      contentType: nil, kind: .image, mediaType: .ociImageManifest, blobs: "ab", artifactType: Sample.config),
    Accepted(
      testDescription: "an OCI image sent as plain JSON", json: Sample.image(),
      contentType: MediaType("application/json"), kind: .image, mediaType: .ociImageManifest, blobs: "ab",
      artifactType: Sample.config),
    Accepted(
      testDescription: "an image without layers", json: Sample.image(layers: []),
      contentType: .ociImageManifest, kind: .image, mediaType: .ociImageManifest, blobs: "a",
      artifactType: Sample.config),
    Accepted(
      testDescription: "a Docker schema 2 image",
      json: Sample.image(
        mediaType: .dockerManifest, config: "application/vnd.docker.container.image.v1+json",
        layers: [
          Sample.descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", "d"),
          Sample.descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", "c"),
        ]),
      contentType: .dockerManifest, kind: .image, mediaType: .dockerManifest, blobs: "adc",
      artifactType: "application/vnd.docker.container.image.v1+json"),
    Accepted(
      testDescription: "a Helm chart",
      json: Sample.image(
        config: "application/vnd.cncf.helm.config.v1+json",
        layers: [Sample.descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "b")]),
      contentType: .ociImageManifest, kind: .image, mediaType: .ociImageManifest, blobs: "ab",
      artifactType: "application/vnd.cncf.helm.config.v1+json"),
    Accepted(
      testDescription: "an OCI 1.1 artifact: its own type goes before its config's",
      json: Sample.image(
        config: "\(MediaType.ociEmptyJSON)", more: #","artifactType":"application/vnd.example.sbom""#),
      contentType: .ociImageManifest, kind: .image, mediaType: .ociImageManifest, blobs: "ab",
      artifactType: "application/vnd.example.sbom"),
    Accepted(
      testDescription: "an artifact with an empty type: the config's counts",
      json: Sample.image(more: #","artifactType":"""#), contentType: .ociImageManifest, kind: .image,
      mediaType: .ociImageManifest, blobs: "ab", artifactType: Sample.config),
    Accepted(
      testDescription: "an OCI index", json: Sample.index(), contentType: .ociImageIndex, kind: .index,
      mediaType: .ociImageIndex, manifests: "c"),
    Accepted(
      testDescription: "an OCI index known by its shape alone", json: Sample.index(mediaType: nil),
      contentType: nil, kind: .index, mediaType: .ociImageIndex, manifests: "c"),
    Accepted(
      testDescription: "an empty index that is an artifact",
      json: Sample.index(manifests: [], more: #","artifactType":"application/vnd.example.set""#),
      contentType: .ociImageIndex, kind: .index, mediaType: .ociImageIndex,
      artifactType: "application/vnd.example.set"),
    Accepted(
      testDescription: "a Docker manifest list", json: Sample.index(mediaType: .dockerManifestList),
      contentType: .dockerManifestList, kind: .index, mediaType: .dockerManifestList, manifests: "c"),
    Accepted(
      testDescription: "an artifact manifest of OCI 1.1's release candidates",
      json: #"{"mediaType":"\#(MediaType.ociArtifactManifest)","artifactType":"application/vnd.example.sig","#
        + #""blobs":[\#(Sample.descriptor("text/plain", "e")),\#(Sample.descriptor("text/plain", "f"))]}"#,
      contentType: .ociArtifactManifest, kind: .artifact, mediaType: .ociArtifactManifest, blobs: "ef",
      artifactType: "application/vnd.example.sig"),
    Accepted(
      testDescription: "an ORAS artifact manifest without blobs",
      json: #"{"mediaType":"\#(MediaType.orasArtifactManifest)","artifactType":"example/type"}"#,
      contentType: .orasArtifactManifest, kind: .artifact, mediaType: .orasArtifactManifest,
      artifactType: "example/type"),
  ]

  @Test(arguments: accepted)
  func aManifestIsReadByItsKind(_ expected: Accepted) throws {
    let manifest = try Sample.parse(expected.json, as: expected.contentType)
    #expect(manifest.kind == expected.kind)
    #expect(manifest.mediaType == expected.mediaType)
    #expect(manifest.blobs.map(\.digest.description) == expected.blobs.map(Sample.digest))
    #expect(manifest.manifests.map(\.digest.description) == expected.manifests.map(Sample.digest))
    #expect(manifest.artifactType == expected.artifactType)
    #expect(manifest.subject == nil)
  }

  @Test func subjectAndAnnotationsAreRead() throws {
    let subject = Sample.descriptor("\(MediaType.ociImageManifest)", "5", size: "42")
    let json = Sample.image(
      more: #","subject":\#(subject),"annotations":{"org.example":"ünï\n","empty":""}"#)
    let manifest = try Sample.parse(json, as: .ociImageManifest)
    #expect(manifest.subject?.digest.description == Sample.digest("5"))
    #expect(manifest.subject?.size == 42)
    #expect(manifest.annotations == ["org.example": "ünï\n", "empty": ""])
  }

  /// Layers with `urls` may be elsewhere, but only those whose type says that they are not distributable:
  /// `urls` on an ordinary layer do not free a push of bringing it.
  @Test(arguments: [
    (Sample.foreignLayer, #","urls":["https://example.com/layer"]"#, false),
    (
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", #","urls":["https://a.example"]"#, false
    ),
    (Sample.foreignLayer, #","urls":[]"#, true),
    (Sample.foreignLayer, "", true),
    (Sample.layer, #","urls":["https://example.com/layer"]"#, true),
  ])
  func onlyForeignLayersWithAddressesMayBeMissing(type: String, urls: String, isRequired: Bool) throws {
    let json = Sample.image(
      layers: [Sample.descriptor(type, "b", more: urls), Sample.descriptor(Sample.layer, "c")])
    let manifest = try Sample.parse(json, as: .ociImageManifest)
    #expect(manifest.blobs.map(\.digest.description) == "abc".map(Sample.digest))
    let required = isRequired ? "abc" : "ac"
    #expect(manifest.requiredBlobs.map(\.digest.description) == required.map(Sample.digest))
  }

  @Test func aPlatformIsReadAndAnIncompleteOneIsNoReasonToRefuse() throws {
    let type = "\(MediaType.ociImageManifest)"
    let json = Sample.index(manifests: [
      Sample.descriptor(type, "1", more: #","platform":{"os":"linux","architecture":"arm","variant":"v7"}"#),
      Sample.descriptor(type, "2", more: #","platform":{"os":"linux"}"#),
      Sample.descriptor(type, "3", more: #","platform":"linux/amd64""#),
      Sample.descriptor(type, "4"),
    ])
    let platforms = try Sample.parse(json, as: .ociImageIndex).manifests.map(\.platform)
    #expect(platforms == [Platform(os: "linux", architecture: "arm", variant: "v7"), nil, nil, nil])
  }

  /// Documents of future versions and of other tools have more properties than we know.
  @Test func unknownPropertiesAndMissingDescriptorTypesAreNoReasonToRefuse() throws {
    let bare = #"{"digest":"\#(Sample.digest("b"))","size":0,"data":"aGk=","future":{"x":[1,null]}}"#
    let manifest = try Sample.parse(
      Sample.image(layers: [bare], more: #","future":[{"a":1.5e3}],"history":null"#), as: .ociImageManifest)
    #expect(manifest.blobs.last?.mediaType == MediaType(""))
    #expect(manifest.blobs.last?.size == 0)
  }

  @Test func sha512DigestsAreReadBesideSha256() throws {
    let long = "sha512:" + String(repeating: "9", count: 128)
    let manifest = try Sample.parse(
      Sample.image(layers: [#"{"mediaType":"x/y","digest":"\#(long)","size":1}"#]), as: .ociImageManifest)
    #expect(manifest.blobs.map(\.digest.algorithm) == [.sha256, .sha512])
  }
}
