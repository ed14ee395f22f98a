import ContainerImage
import Testing

@testable import Runtimes

@Suite struct LXDImageTests {
  private func image(_ platform: String = "linux/amd64", created: String? = nil) throws -> ImageConfig {
    var image = ImageConfig(
      platform: try Platform(parsing: platform), config: ImageConfig.Execution(), diffIDs: [])
    image.created = created
    return image
  }

  @Test func theMetadataSaysWhatTheImageIs() throws {
    var image = try image(created: "2024-05-06T07:08:09Z")
    image.config?.labels = ["org.opencontainers.image.version": "12"]
    #expect(
      LXDImage(image, name: "trade/app").metadata == """
        architecture: "x86_64"
        creation_date: 1714979289
        properties:
          architecture: "x86_64"
          description: "trade/app (linux/amd64)"
          name: "trade/app"
          os: "linux"
          release: "12"
        templates: {}

        """)
    #expect(LXDImage.paths == ["metadata.yaml", "templates/", "rootfs/"])
  }

  @Test(
    arguments: [
      ("linux/amd64", "x86_64"), ("linux/386", "i686"), ("linux/arm64", "aarch64"),
      ("linux/arm64/v8", "aarch64"),
      ("linux/arm/v6", "armv6l"), ("linux/arm/v7", "armv7l"), ("linux/arm", "armv7l"),
      ("linux/ppc64le", "ppc64le"),
      ("linux/s390x", "s390x"), ("linux/riscv64", "riscv64"), ("linux/loong64", "loongarch64"),
    ])
  func architecturesHaveLXDsNames(_ platform: String, _ name: String) throws {
    #expect(LXDImage(try image(platform), name: "x").metadata.hasPrefix("architecture: \"\(name)\"\n"))
  }

  @Test(
    arguments: [
      ("2024-05-06T07:08:09.123456789Z", 1_714_979_289), ("2024-05-06T09:08:09+02:00", 1_714_979_289),
      ("2024-05-06T09:08:09.5+02:00", 1_714_979_289), ("1970-01-01T00:00:00Z", 1), ("yesterday", 1), ("", 1),
      (nil, 1),
    ] as [(String?, Int)])
  func theDateIsInSeconds(_ created: String?, _ seconds: Int) throws {
    let metadata = LXDImage(try image(created: created), name: "x").metadata
    #expect(metadata.contains("\ncreation_date: \(seconds)\n"), "\(metadata)")
  }

  @Test func textIsQuotedAsYAMLReadsIt() throws {
    let text = "a: \"b\" \\ # 'c'\nfiles: [x]\u{85}\u{2028}\u{7f}\té"
    let metadata = LXDImage(try image(), name: "x", description: text).metadata
    #expect(
      metadata.contains(
        #"  description: "a: \"b\" \\ # 'c'\nfiles: [x]\u0085\u2028\u007f\u0009é""# + "\n"), "\(metadata)")
  }

  @Test func anImageWithoutInitIsSaidToHaveNone() async throws {
    try await withRoot { root in
      #expect(try LXDImage.shortcomings(of: root).count == 1)
      try fill(root.path, ["/sbin/init": ""])
      #expect(try LXDImage.shortcomings(of: root) == [])
    }
  }
}
