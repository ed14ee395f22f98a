import ContainerImage
import NIOHTTP1
import Testing

@testable import RegistryAPI

@Suite("Accept headers")
struct AcceptanceTests {
  private static let image = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"

  @Test(
    "which types a client takes",
    arguments: [
      ([], true, true), (["*/*"], true, true), (["application/*"], true, true),
      (["\(image)"], true, false), (["\(index)"], false, true), (["\(image), \(index)"], true, true),
      (["\(image)", "\(index)"], true, true), (["\(image);q=0.5"], true, false),
      (["\(index);q=0, \(image)"], true, false),
      (["text/html"], false, false), (["text/html, */*;q=0.1"], true, true),
    ])
  func accepted(values: [String], takesImages: Bool, takesIndexes: Bool) {
    var headers = HTTPHeaders()
    for value in values { headers.add(name: "Accept", value: value) }
    let acceptance = Acceptance(headers)
    #expect(acceptance.accepts(.ociImageManifest) == takesImages)
    #expect(acceptance.acceptsIndexes == takesIndexes)
  }
}
