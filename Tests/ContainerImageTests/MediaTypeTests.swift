import ContainerImage
import Testing

@Suite struct MediaTypeTests {
  @Test(arguments: [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
    "application/vnd.oci.image.manifest.v1+json;charset=utf-8;q=1",
    " \tapplication/vnd.oci.image.manifest.v1+json \t; charset=utf-8",
    "Application/vnd.OCI.image.Manifest.v1+JSON",
  ])
  func aHeaderGivesTheTypeWithoutItsParameters(header: String) {
    #expect(MediaType(header: header) == .ociImageManifest)
  }

  @Test(arguments: ["", " ", ";", "; charset=utf-8"])
  func aHeaderWithoutATypeGivesNone(header: String) {
    #expect(MediaType(header: header).description == "")
  }

  @Test func onlyListsOfManifestsAreIndexes() {
    let types: [MediaType] = [
      .ociImageIndex, .dockerManifestList, .ociImageManifest, .dockerManifest, .ociArtifactManifest,
      .orasArtifactManifest, .dockerSchema1, .dockerSchema1Signed,
    ]
    #expect(types.filter(\.isIndex) == [.ociImageIndex, .dockerManifestList])
  }

  @Test(arguments: [
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar", true),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", false),
    ("application/vnd.oci.image.layer.v1.tar+gzip", false),
    ("application/vnd.oci.image.config.v1+json", false),
  ])
  func onlyForeignLayersAreNondistributable(type: String, isNondistributable: Bool) {
    #expect(MediaType(type).isNondistributable == isNondistributable)
  }
}
